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
  listen("input", (event) => {
    const field = fieldOf(event);
    if (field instanceof HTMLInputElement && field.type === "password") {
      typed.set(field, field.value);
    }
  });
  listen("focusout", (event) => told(fieldOf(event)));
  listen("change", (event) => told(fieldOf(event)));
  listen("submit", all);
  listen("beforeunload", all);
  listen("pagehide", all);
})();
