// Tells what was typed into a password field once it is left: nobody is to read
// it in the evidence.
(() => {
  const tell = window.__prober_typed;
  const typed = new Map();
  const fieldOf = (event) => event.composedPath()[0];
  const told = (field) => {
    const text = typed.get(field);
    typed.delete(field);
    if (text) tell(text);
  };
  const all = () => [...typed.keys()].forEach(told);
  const listen = (name, heard) =>
    window.addEventListener(name, heard, { capture: true, passive: true });
  const heard = (event) => {
    const field = fieldOf(event);
    if (field instanceof HTMLInputElement && field.type === "password") {
      typed.set(field, field.value);
    }
  };
  const left = (event) => told(fieldOf(event));
  const listenAll = () => {
    listen("input", heard);
    listen("focusout", left);
    listen("change", left);
    listen("submit", all);
    listen("beforeunload", all);
    listen("pagehide", all);
  };
  listenAll();
  // document.open(), with which set_content begins, takes the listeners off the
  // window too; an observer stays, and who listens already is not heard twice.
  new MutationObserver(listenAll).observe(document, { childList: true });
})();
