// Lists and events for pages that are the same for everybody, as a cache keeps them. Needs nothing but this file and the
// API; works under a Content-Security-Policy without 'unsafe-inline' and 'unsafe-eval'. See docs/how-to/javascript.md.
"use strict";

(() => {
  const script = document.currentScript;
  const api = new URL(script.dataset.api || "/api/mtrec/v1/", document.baseURI);
  const token = script.dataset.token || "";
  const foreign = api.origin !== window.location.origin;

  const WAIT = 2000; // milliseconds that events are gathered
  const MOST = 100; // events of one request
  const SHARE = 0.5; // of an item that must be in sight to be seen
  const GLANCE = 1000; // milliseconds that it must be so

  // Events

  let queue = [];
  let timer = 0;

  const random = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");

  const post = (events) => {
    const url = new URL("feedback/", api);
    if (!foreign) {
      const body = JSON.stringify(token ? { token, events } : { events });
      return navigator.sendBeacon(url, new Blob([body], { type: "application/json" }));
    }
    const headers = { "Content-Type": "application/json", Authorization: `Visitor ${token}` };
    const body = JSON.stringify({ events });
    fetch(url, { method: "POST", headers, body, keepalive: true, credentials: "omit" }).catch(() => {});
    return true;
  };

  const flush = () => {
    window.clearTimeout(timer);
    timer = 0;
    while (queue.length && post(queue.slice(0, MOST))) queue = queue.slice(MOST);
    if (queue.length) timer = window.setTimeout(flush, WAIT); // the browser takes no more just now
  };

  const track = (kind, item, more = {}) => {
    queue.push({ key: random(), ...more, kind, item: String(item) });
    if (!timer) timer = window.setTimeout(flush, WAIT);
  };

  const about = (element) => {
    const { mtrecSource, mtrecValue, mtrecScenario, mtrecRecommendation } = element.dataset;
    const more = {};
    if (mtrecSource) more.source = mtrecSource;
    if (mtrecValue) more.value = Number(mtrecValue);
    if (mtrecScenario) more.scenario = mtrecScenario;
    if (mtrecRecommendation) more.recommendation = mtrecRecommendation;
    return more;
  };

  const trackElement = (element) => track(element.dataset.mtrecTrack, element.dataset.mtrecItem, about(element));

  const happens = (event) => {
    const element = event.target.closest?.("[data-mtrec-track]");
    if (element && wanted(element) === event.type) trackElement(element);
  };

  const wanted = (element) => {
    if (element.dataset.mtrecTrack === "view") return "load";
    return element.tagName === "FORM" ? "submit" : "click";
  };

  // What was seen

  const glances = new Map();

  const seen = (element) => {
    glances.delete(element);
    sight.unobserve(element);
    const { mtrecRecommendation, mtrecItem, mtrecSource } = element.dataset;
    track("impression", mtrecItem, { ...about(element), key: `seen:${mtrecRecommendation}:${mtrecSource}:${mtrecItem}` });
  };

  const sight = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        window.clearTimeout(glances.get(target));
        glances.delete(target);
        if (isIntersecting) glances.set(target, window.setTimeout(() => seen(target), GLANCE));
      }
    },
    { threshold: SHARE },
  );

  // Lists

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
  };

  const plain = (item) => {
    const link = make("a", "mtrec-link", item.title);
    if (item.image) {
      const image = make("img", "mtrec-image");
      image.src = item.image;
      image.alt = "";
      image.loading = "lazy";
      link.prepend(image);
    }
    link.href = item.click_url;
    link.rel = "nofollow";
    return make("li", "mtrec-item", link, make("small", "mtrec-reason", item.reason));
  };

  const filled = (template, item) => {
    const copy = template.content.cloneNode(true).firstElementChild;
    for (const place of [copy, ...copy.querySelectorAll("[data-mtrec-field]")]) {
      const name = place.dataset.mtrecField;
      if (!name) continue;
      if (place.tagName === "IMG") place.src = item[name] || "";
      else if (place.tagName === "A" && name.endsWith("url")) place.href = item[name];
      else place.textContent = item[name];
    }
    return copy;
  };

  const show = (element, answer) => {
    const selector = element.dataset.mtrecTemplate;
    const template = selector ? document.querySelector(selector) : null;
    const cards = answer.items.map((item) => {
      const card = template ? filled(template, item) : plain(item);
      Object.assign(card.dataset, {
        mtrecItem: item.lookup,
        mtrecSource: item.source,
        mtrecRecommendation: answer.id,
      });
      sight.observe(card);
      return card;
    });
    if (template) return element.replaceChildren(...cards);
    const title = element.dataset.mtrecTitle || answer.title;
    const heading = title ? [make("h2", "mtrec-title", title)] : [];
    return element.replaceChildren(...heading, make("ul", "mtrec-list", ...cards));
  };

  const address = (element) => {
    const { mtrecList, mtrecSimilar, mtrecSource, mtrecItem, mtrecN } = element.dataset;
    const path = mtrecSimilar
      ? `items/${encodeURIComponent(mtrecSource)}/${encodeURIComponent(mtrecSimilar)}/similar/`
      : `scenarios/${encodeURIComponent(mtrecList)}/recommendations/`;
    const url = new URL(path, api);
    if (mtrecN) url.searchParams.set("n", mtrecN);
    if (mtrecSimilar && mtrecList) url.searchParams.set("scenario", mtrecList);
    if (!mtrecSimilar && mtrecItem) url.searchParams.set("item", mtrecItem);
    if (!mtrecSimilar && mtrecItem && mtrecSource) url.searchParams.set("source", mtrecSource);
    return url;
  };

  // What stands in the element already stays when there is no list to show.
  const render = async (element) => {
    const headers = { Accept: "application/json", ...(token && { Authorization: `Visitor ${token}` }) };
    const options = { headers, credentials: foreign ? "omit" : "same-origin" };
    const answer = await fetch(address(element), options).catch(() => null);
    if (!answer?.ok) return false;
    const list = await answer.json();
    if (!list.items.length) return false;
    show(element, list);
    element.dispatchEvent(new CustomEvent("mtrec:shown", { bubbles: true, detail: list }));
    return true;
  };

  const scan = (root = document) => {
    for (const element of root.querySelectorAll('[data-mtrec-track="view"]')) trackElement(element);
    for (const element of root.querySelectorAll("[data-mtrec-recommendation][data-mtrec-item]")) sight.observe(element);
    return Promise.all([...root.querySelectorAll("[data-mtrec-list], [data-mtrec-similar]")].map(render));
  };

  document.addEventListener("click", happens, true);
  document.addEventListener("submit", happens, true);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
  window.addEventListener("pagehide", flush);

  window.mtrec = { flush, render, scan, track };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => scan());
  else scan();
})();
