// Filters, the count, the source switch, and bringing marks into view. Reads and writes the part after #,
// so that a filtered page can be linked to: #critic=…&reason=…&q=…&source=1
(() => {
  "use strict";
  const form = document.getElementById("filters");
  if (!form) return;
  const cards = [...document.querySelectorAll(".card")];
  const count = document.getElementById("count");
  const nothing = document.getElementById("nothing");
  const field = form.elements;
  const texts = new Map();
  const textOf = card => {
    if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
    return texts.get(card);
  };

  function apply() {
    const critic = field.critic.value, reason = field.reason.value;
    const words = field.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const fits = (!critic || card.dataset.critic === critic)
        && (!reason || card.dataset.reasons.split("\n").includes(reason))
        && words.every(word => textOf(card).includes(word));
      card.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${cards.length.toLocaleString("en")} shown`;
    nothing.hidden = shown > 0;
    document.documentElement.classList.toggle("source", field.source.checked);
  }

  function save() {
    const state = new URLSearchParams();
    for (const name of ["critic", "reason", "q"]) if (field[name].value) state.set(name, field[name].value);
    if (field.source.checked) state.set("source", "1");
    history.replaceState(null, "", "#" + (state.toString() || "flagged"));
  }

  function restore() {
    const hash = location.hash.slice(1);
    if (hash.includes("=")) {
      const state = new URLSearchParams(hash);
      for (const name of ["critic", "reason", "q"]) field[name].value = state.get(name) || "";
      field.source.checked = state.get("source") === "1";
    }
    apply();
  }

  let waiting;
  form.addEventListener("input", event => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { apply(); save(); }, event.target.name === "q" ? 150 : 0);
  });
  form.addEventListener("reset", () => setTimeout(() => { apply(); save(); }));
  form.addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", restore);

  // The first time a card comes into view, each of its texts is scrolled to its first mark.
  const seen = new IntersectionObserver(entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      for (const body of target.querySelectorAll(".body")) {
        const mark = body.querySelector("mark");
        if (!mark) continue;
        const below = mark.getBoundingClientRect().top - body.getBoundingClientRect().top;
        if (below > body.clientHeight * 0.8) body.scrollTop = below - body.clientHeight / 2;
      }
    }
  });
  cards.forEach(card => seen.observe(card));

  form.hidden = false;
  restore();
})();
