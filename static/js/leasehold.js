// Everything here is on top: links and forms work without it.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const typing = (node) => node.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  const shown = (node) => node.checkVisibility();

  const say = (words) => {
    const live = $("#live");
    live.textContent = "";
    // A moment of silence, or the same words twice would be read once.
    setTimeout(() => { live.textContent = words; }, 60);
  };

  // Rows of a table: one is in the tab order, the arrows walk.
  const rows = (table) => all("tbody tr", table).filter((row) => $("a, input", row));
  const rove = (table) => {
    const list = rows(table);
    const first = list.find((row) => row.hasAttribute("aria-current")) || list[0];
    list.forEach((row) => { row.tabIndex = row === first ? 0 : -1; });
  };
  const walk = (row, step, mark) => {
    const list = rows(row.closest("[data-rows]"));
    const next = list[list.indexOf(row) + step];
    if (!next) return;
    row.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    if (mark) select(next, true);
  };
  const select = (row, on) => {
    const box = $("input[type=checkbox]", row);
    if (box && (on === undefined || box.checked !== on)) box.click();
  };
  const rowKeys = (event, row) => {
    const letters = document.body.dataset.letters !== "off";
    const key = event.key.length === 1 && event.key !== " " ? (letters ? event.key.toLowerCase() : "") : event.key;
    if (key === "j" || key === "ArrowDown") walk(row, 1, event.shiftKey);
    else if (key === "k" || key === "ArrowUp") walk(row, -1, event.shiftKey);
    else if (key === "x" || key === " ") select(row);
    else if (key === "Enter") $("[data-open], a", row)?.click();
    else return;
    event.preventDefault();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const row = event.target.matches?.("[data-rows] tbody tr") && event.target;
    if (row) rowKeys(event, row);
    if (event.key === "/" && !typing(event.target) && document.body.dataset.letters !== "off") {
      const field = all("[data-search]").find(shown);
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    }
    if (event.key === "Escape" && !$("dialog[open]")) {
      const open = event.target.closest("details[open]:is(.menu-box, .person-menu, .top-bar details)");
      if (open) { open.open = false; $("summary", open).focus(); }
      else if (!typing(event.target)) $("[data-close]")?.click();
    }
  });

  // A question that has a page of its own is shown over this one; without script the link leads there.
  const openDialog = async (link) => {
    const answer = await fetch(link.href, { headers: { "X-Requested-With": "fetch" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const card = $("[data-dialog-body]", page);
    if (!answer.ok || !card) { location.assign(link.href); return; }
    const dialog = document.createElement("dialog");
    const heading = $("h1, h2", card);
    heading.id = "dialog-title";
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.append(document.adoptNode(card));
    // A form without an address of its own belongs to the page it was written for.
    all("form:not([action])", dialog).forEach((form) => { form.action = link.href; });
    document.body.append(dialog);
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    dialog.showModal();
    ($("[autofocus]", dialog) || $("[data-dialog-close]", dialog))?.focus();
    window.htmx?.process(dialog);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openDialog(link).catch(() => location.assign(link.href));
    }
    const close = event.target.closest("[data-dialog-close]");
    if (close?.closest("dialog")) { event.preventDefault(); close.closest("dialog").close(); }
    event.target.closest("[data-dismiss]")?.closest("[data-toast]").remove();
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => say(copy.dataset.copied || ""));
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    all("details[open]:is(.menu-box, .person-menu)").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  const chooseTheme = (theme) => {
    document.cookie = `theme=${theme}; path=/; samesite=lax; max-age=${theme ? 31536000 : 0}`;
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    all("[data-theme-choice]").forEach((one) => one.setAttribute("aria-pressed", one.dataset.themeChoice === theme));
  };

  // A second press is refused, but the button stays a button: `disabled` would lose focus and its value.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "get" || form.method === "dialog") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    const button = event.submitter;
    button?.setAttribute("aria-busy", "true");
    if (button?.dataset.busy) say(button.dataset.busy);
  });
  const rest = (root) => {
    all("form[data-sent]", root).forEach((form) => { delete form.dataset.sent; });
    all("[aria-busy]", root).forEach((node) => node.removeAttribute("aria-busy"));
  };
  addEventListener("pageshow", () => rest(document));
  document.addEventListener("htmx:afterRequest", () => rest(document));

  const toast = (node) => {
    let timer;
    const start = () => { timer = setTimeout(() => node.remove(), 8000); };
    const stay = () => clearTimeout(timer);
    node.addEventListener("pointerenter", stay);
    node.addEventListener("focusin", stay);
    node.addEventListener("pointerleave", () => { stay(); if (!node.contains(document.activeElement)) start(); });
    node.addEventListener("focusout", () => { stay(); if (!node.matches(":hover")) start(); });
    start();
    say($(".toast-words", node).textContent);
  };

  const settle = (root) => {
    all("[data-needs-script]", root).forEach((node) => { node.hidden = false; });
    all("[data-toast]:not([data-seen])", root).forEach((node) => { node.dataset.seen = "1"; toast(node); });
    all("[data-rows]", root).forEach(rove);
    all("[data-some]", root).forEach((box) => { box.indeterminate = true; });
  };

  document.addEventListener("htmx:afterSettle", (event) => {
    const root = event.detail.elt;
    settle(root.parentElement || root);
    const news = root.matches("[data-announce]") ? root : $("[data-announce]", root);
    if (news) say(news.dataset.announce || news.textContent.trim());
    $("[data-focus]", root)?.focus();
  });
  settle(document);
  $("[data-focus]")?.focus();
})();
