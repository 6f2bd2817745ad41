"use strict";
// Keeps the page live: hears of each cycle, fetches what changed, says how old the data is, and carries out actions.
(function () {
  const STALE_S = 150;
  const main = document.getElementById("content");
  const age = document.getElementById("age");
  const stale = document.getElementById("stale");
  const asked = new URLSearchParams(location.search);
  const past = asked.has("at");
  let heard = Date.now();
  let connected = true;
  let tag = "";

  function showAge() {
    const seconds = Math.max(0, Math.round((Date.now() - heard) / 1000));
    const old = seconds > STALE_S || !connected;
    age.classList.toggle("old", old);
    const when = age.dataset.asOf.slice(0, 19).replace("T", " ");
    age.textContent = past ? `cycle of ${when} UTC` : `cycle of ${when} UTC, heard ${seconds} s ago`;
    stale.hidden = past || !old;
    if (old) stale.textContent = connected ? `The data is ${seconds} s old: no cycle has ended since.` : `No connection to the daemon: the data is ${seconds} s old.`;
  }

  function keepOpen() {
    const open = new Set([...main.querySelectorAll("details[open] > summary > b")].map((one) => one.textContent));
    return () => {
      for (const one of main.querySelectorAll("details > summary > b")) if (open.has(one.textContent)) one.closest("details").open = true;
    };
  }

  async function renew() {
    if ("still" in document.body.dataset) return;
    if (main.contains(document.activeElement) && /^(SELECT|INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    const query = new URLSearchParams(location.search);
    query.set("fragment", "1");
    const answer = await fetch("?" + query, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (!answer.ok) return;
    tag = answer.headers.get("ETag") || "";
    const reopen = keepOpen();
    const scrolled = [...main.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    main.innerHTML = await answer.text();
    reopen();
    [...main.querySelectorAll(".scroll")].forEach((one, number) => { one.scrollLeft = scrolled[number] || 0; });
    window.drawCharts();
  }

  // A browser opens six connections to one host at most. So one tab listens for all that are looked at, and a tab that
  // nobody looks at holds none. Without locks (a plain address that is not this machine) each tab listens for itself.
  const shared = "locks" in navigator && "BroadcastChannel" in window;
  const channel = shared ? new BroadcastChannel(new URL(".", location).href) : null;
  let events = null;
  let newest = null;
  let leave = null;

  function attend() {
    if (document.hidden) {
      if (leave) leave();
      leave = null;
    } else if (!leave) {
      leave = shared ? takeTurn() : listen();
    }
  }

  function takeTurn() {
    const waiting = new AbortController();
    let end = () => {};
    const turn = () => new Promise((resolve) => {
      const close = listen();
      end = () => { close(); resolve(); };
    });
    navigator.locks.request(channel.name, { signal: waiting.signal }, turn).catch(() => {});
    channel.postMessage({ hello: true });
    return () => { waiting.abort(); end(); };
  }

  function listen() {
    let first = true;
    events = new EventSource("events");
    events.addEventListener("open", () => tell({ connected: true }));
    events.addEventListener("error", () => tell({ connected: false }));
    events.addEventListener("cycle", (event) => {
      newest = JSON.parse(event.data);
      tell({ connected: true, facts: newest, again: !first });
      first = false;
    });
    return () => { events.close(); events = null; };
  }

  function tell(message) {
    if (channel) channel.postMessage(message);
    take(message);
  }

  function take(message) {
    if (message.hello) {
      if (events && newest) channel.postMessage({ connected: true, facts: newest, again: false });
      return;
    }
    connected = message.connected;
    if (message.facts) {
      const news = message.facts.as_of !== age.dataset.asOf;
      age.dataset.asOf = message.facts.as_of;
      age.dataset.cycle = message.facts.cycle_id;
      document.getElementById("dot").className = "dot " + message.facts.health;
      heard = Date.now();
      if (news || message.again) renew().catch(() => {});
    }
    showAge();
  }

  const dialog = document.getElementById("act");
  let action = null;

  function ask(button) {
    action = button.dataset;
    document.getElementById("act-title").textContent = action.title;
    document.getElementById("act-text").textContent = "This is carried out at once and written into the audit.";
    document.getElementById("act-answer").textContent = "";
    dialog.showModal();
  }

  async function carryOut(event) {
    event.preventDefault();
    const said = document.getElementById("act-answer");
    const body = Object.assign(action.body ? JSON.parse(action.body) : {}, { reason: document.getElementById("act-reason").value, by: "page" });
    said.textContent = "…";
    try {
      const answer = await fetch("api/v1/" + action.act, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: "Bearer " + document.getElementById("act-token").value },
        body: JSON.stringify(body),
      });
      const facts = await answer.json();
      said.textContent = facts.text || facts.error;
      if (answer.ok) renew().catch(() => {});
    } catch (error) {
      said.textContent = "No answer: it is not known whether it was carried out. Look at the page before asking again.";
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) ask(button);
  });
  document.getElementById("act-form").addEventListener("submit", carryOut);
  document.getElementById("act-cancel").addEventListener("click", () => dialog.close());

  const back = document.getElementById("back");
  const at = document.getElementById("at");
  back.addEventListener("input", () => {
    const minutes = Number(back.value);
    document.getElementById("back-text").textContent = minutes ? `${minutes} min back` : "now";
    const newest = new Date(age.dataset.asOf);
    at.value = minutes ? new Date(newest - minutes * 60000).toISOString().slice(0, 16) : "";
  });
  document.getElementById("travel").addEventListener("submit", (event) => {
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.delete("at");
    if (at.value) query.set("at", at.value + ":59Z");
    location.search = query.toString();
  });

  showAge();
  setInterval(showAge, 1000);
  if (!past) {
    if (channel) channel.addEventListener("message", (event) => take(event.data));
    attend();
    document.addEventListener("visibilitychange", attend);
  }
  performance.mark("ready");
})();
