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

  const form = document.getElementById("finding-filters");
  if (form) {
    form.hidden = false;
    const rows = [...document.querySelectorAll("tr[data-finding]")];
    const shown = document.getElementById("finding-count");
    // A screenful at first; a filter looks through all of them.
    const all = document.getElementById("finding-all");
    let limit = 15;
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
        row.hidden = !wanted || count > limit;
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
    document.querySelectorAll('a[href^="#finding-"]').forEach((link) => {
      link.addEventListener("click", () => {
        form.reset();
        limit = Infinity;
        filter();
        document.querySelector(link.hash).open = true;
      });
    });
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }
})();
