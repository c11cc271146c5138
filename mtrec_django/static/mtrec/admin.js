// Shows how far runs are, without loading the page again. The page works without this script: it then reloads itself.
"use strict";

(() => {
  const SECONDS = 2;
  const place = document.querySelector("[data-mtrec-poll]");
  if (!place) return;

  const show = (element, run) => {
    for (const name of ["label", "text", "worker"]) {
      const field = element.querySelector(`[data-mtrec-field="${name}"]`);
      const text = name === "text" ? run.text || run.label : run[name];
      if (field && field.textContent !== text) field.textContent = text;
    }
    const badge = element.querySelector(".mtrec-badge");
    if (badge) badge.className = `mtrec-badge mtrec-${run.status}`;
    const bar = element.querySelector("progress");
    if (bar && run.percent === null) bar.removeAttribute("value");
    else if (bar) bar.value = run.percent;
  };

  const poll = async () => {
    const elements = [...document.querySelectorAll("[data-mtrec-run]")];
    const query = new URLSearchParams(elements.map((element) => ["id", element.dataset.mtrecRun]));
    const answer = await fetch(`${place.dataset.mtrecPoll}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) return false;
    const runs = new Map((await answer.json()).runs.map((run) => [String(run.id), run]));
    for (const element of elements) {
      const run = runs.get(element.dataset.mtrecRun);
      if (run) show(element, run);
    }
    return [...runs.values()].some((run) => run.finished);
  };

  const again = async () => {
    try {
      if (!document.hidden && (await poll())) return window.location.reload();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the network is away: ask again
    }
    return window.setTimeout(again, SECONDS * 1000);
  };
  window.setTimeout(again, SECONDS * 1000);
})();
