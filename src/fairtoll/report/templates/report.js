"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("chart-specs").textContent);

  // Drawn when near the window: a long page opens at once. The still picture stays until then.
  const draw = async (panel) => {
    const target = panel.querySelector(".live");
    panel.classList.add("ready");
    try {
      await window.vegaEmbed(target, specs[panel.dataset.chart], {
        actions: false,
        renderer: "svg",
        ast: true,
        tooltip: { theme: "custom" },
      });
      target.querySelectorAll("svg").forEach((svg) => {
        svg.setAttribute("aria-hidden", "true");
        svg.setAttribute("focusable", "false");
      });
    } catch (error) {
      panel.classList.remove("ready");
      console.error(error);
    }
  };
  const panels = [...document.querySelectorAll(".panel[data-chart]")];
  if ("IntersectionObserver" in window) {
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (entry.isIntersecting) {
            watcher.unobserve(entry.target);
            draw(entry.target);
          }
        }
      },
      { rootMargin: "600px 0px" },
    );
    panels.forEach((panel) => watcher.observe(panel));
  } else {
    panels.forEach(draw);
  }

  let show = () => {};
  const form = document.getElementById("finding-filters");
  if (form) {
    form.hidden = false;
    const rows = [...document.querySelectorAll("tr[data-finding]")];
    const shown = document.getElementById("finding-count");
    // A screenful at first; a filter looks through all of them.
    const all = document.getElementById("finding-all");
    let limit = 6;
    const linked = new Set();
    const filter = () => {
      const text = form.elements.text.value.trim().toLowerCase();
      let count = 0;
      let hidden = 0;
      for (const row of rows) {
        const fits = ["protocol", "metric", "verdict"].every((name) => {
          const wanted = form.elements[name].value;
          return !wanted || row.dataset[name] === wanted;
        });
        const wanted = fits && (!text || row.dataset.finding.toLowerCase().includes(text));
        if (wanted) count += 1;
        row.hidden = !wanted || (count > limit && !linked.has(row));
        if (wanted && row.hidden) hidden += 1;
      }
      shown.textContent = `${count} of ${rows.length} findings`;
      all.hidden = hidden === 0;
      all.textContent = `Show ${hidden} more`;
    };
    all.addEventListener("click", () => {
      limit = Infinity;
      filter();
    });
    show = (row) => {
      form.reset();
      linked.add(row);
      filter();
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }

  // A link to what is folded or filtered away, followed or pasted, opens it.
  const open = () => {
    let name = location.hash.slice(1);
    try {
      name = decodeURIComponent(name);
    } catch {
      // An address that is not encoded is the name itself.
    }
    const target = name && document.getElementById(name);
    if (!target) return;
    const row = target.closest("tr[data-finding]");
    if (row) show(row);
    for (let one = target; one; one = one.parentElement) {
      if (one.tagName === "DETAILS") one.open = true;
    }
    target.scrollIntoView({ behavior: "instant" });
  };
  window.addEventListener("hashchange", open);
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest('a[href^="#"]');
    // The same address again changes nothing, and still must open.
    if (link && link.hash === location.hash) open();
  });
  open();
})();
