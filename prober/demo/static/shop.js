// What is nicer with a script: the basket fills without leaving the page, and faults have switches.
(() => {
  const count = document.querySelector("[data-count]");
  const toast = document.querySelector(".toast");
  let fading;

  const say = (text) => {
    toast.textContent = text;
    toast.classList.add("shown");
    clearTimeout(fading);
    fading = setTimeout(() => toast.classList.remove("shown"), 2000);
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-add]")) return;
    event.preventDefault();
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
      });
      if (!answer.ok) throw new Error(answer.statusText);
      const basket = await answer.json();
      count.textContent = count.dataset.count = basket.count;
      say(`${form.dataset.add} is in your basket`);
    } catch {
      form.submit();
    }
  });

  document.addEventListener("click", async (event) => {
    const fault = event.target.closest("button[data-fault]");
    if (!fault) return;
    fault.disabled = true;
    await fetch(`/faults/${fault.dataset.fault}`, { method: fault.dataset.method });
    location.reload();
  });

  const seconds = Number(document.body.dataset.reload);
  if (seconds) setTimeout(() => location.reload(), seconds * 1000);
})();
