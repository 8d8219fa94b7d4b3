// On top: links and forms work without it.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const each = (selector, root, act) => {
    if (root.matches?.(selector)) act(root);
    root.querySelectorAll(selector).forEach(act);
  };
  const on = (type, act) => document.addEventListener(type, act);
  const typing = (node) => node.closest("input:not([type=checkbox], [type=radio]), textarea, select");
  const letters = () => document.body.dataset.letters !== "off";

  const say = (words) => {
    $("#live").textContent = "";
    // Silence between, or the same words twice would be read once.
    setTimeout(() => { $("#live").textContent = words; }, 60);
  };

  // One row is in the tab order, the arrows walk.
  const rove = (table) => {
    const first = $("tbody tr[aria-current]", table) || $("tbody tr:has(a, input)", table);
    each("tbody tr", table, (row) => { row.tabIndex = row === first ? 0 : -1; });
  };
  const pick = (row, always) => {
    const box = $("input[type=checkbox]", row);
    if (box && !(always && box.checked)) box.click();
  };
  const walk = (row, way, mark) => {
    let next = row[way];
    while (next && !$("a, input", next)) next = next[way];
    if (!next) return;
    row.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    if (mark) pick(next, true);
  };
  const rowKey = (event, row) => {
    const letter = letters() && event.key.toLowerCase();
    if (letter === "j" || event.key === "ArrowDown") walk(row, "nextElementSibling", event.shiftKey);
    else if (letter === "k" || event.key === "ArrowUp") walk(row, "previousElementSibling", event.shiftKey);
    else if (letter === "x" || event.key === " ") pick(row);
    else if (event.key === "Enter") $("[data-open], a", row)?.click();
    else return;
    event.preventDefault();
  };
  const escape = (node) => {
    if ($("dialog[open]")) return;
    const menu = node.closest("details[open]:not(.chart-table)");
    if (menu) { menu.open = false; $("summary", menu).focus(); }
    else if (!typing(node)) $("[data-close]")?.click();
  };
  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("[data-rows] tbody tr")) rowKey(event, event.target);
    if (event.key === "Escape") escape(event.target);
    if (event.key !== "/" || typing(event.target) || !letters()) return;
    each("[data-search]", document, (field) => {
      if (field.checkVisibility()) { event.preventDefault(); field.focus(); }
    });
  });

  // A question that has its own page is shown over this one.
  const ask = async (link) => {
    const answer = await fetch(link.href);
    const card = $("[data-dialog-body]", new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (!card) return location.assign(link.href);
    const dialog = document.createElement("dialog");
    const heading = $("h1, h2", card);
    heading.id = "dialog-title";
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.append(document.adoptNode(card));
    // A form without an address belongs to its own page.
    each("form:not([action])", dialog, (form) => { form.action = link.href; });
    // What is live may have put another link in this one's place.
    dialog.addEventListener("close", () => { dialog.remove(); (document.getElementById(link.id) || link).focus(); });
    document.body.append(dialog);
    dialog.showModal();
    settle(dialog);
    $("[autofocus], [data-dialog-close]", dialog)?.focus();
    window.htmx?.process(dialog);
  };
  const theme = (name) => {
    document.cookie = `theme=${name}; path=/; samesite=lax; max-age=${name ? 31536000 : 0}`;
    document.documentElement.dataset.theme = name;
    each("[data-theme-choice]", document, (one) => one.setAttribute("aria-pressed", one.dataset.themeChoice === name));
  };
  on("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const link = at("a[data-dialog]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      ask(link).catch(() => location.assign(link.href));
    }
    const over = at("[data-dialog-close]")?.closest("dialog");
    if (over) { event.preventDefault(); over.close(); }
    at("[data-dismiss]")?.closest(".toast").remove();
    const copy = at("[data-copy]")?.dataset;
    if (copy) navigator.clipboard?.writeText(copy.copy).then(() => say(copy.copied || ""));
    const choice = at("[data-theme-choice]");
    if (choice) theme(choice.dataset.themeChoice);
    each("details[open]:is(.menu-box, .person-menu)", document, (menu) => { menu.open = menu.contains(event.target); });
  });

  // A second press is refused without `disabled`, which would lose focus.
  on("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    button?.setAttribute("aria-busy", "true");
    if (button?.dataset.busy) say(button.dataset.busy);
  });
  addEventListener("pageshow", () => {
    each("form[data-sent]", document, (form) => { delete form.dataset.sent; });
    each("[aria-busy]", document, (node) => node.removeAttribute("aria-busy"));
  });

  const toast = (node) => {
    let timer;
    const go = () => { timer = setTimeout(() => node.remove(), 8000); };
    const stay = () => clearTimeout(timer);
    node.onpointerenter = stay;
    node.onpointerleave = () => { stay(); go(); };
    node.addEventListener("focusin", stay);
    node.addEventListener("focusout", go);
    delete node.dataset.toast;
    go();
    say($(".toast-words", node).textContent);
  };
  const settle = (root) => {
    each("[data-needs-script]", root, (node) => { node.hidden = false; });
    each("[data-toast]", root, toast);
    each("[data-rows]", root, rove);
    each("[data-some]", root, (box) => { box.indeterminate = true; });
    each("[data-focus]", root, (node) => node.focus());
  };
  on("htmx:afterSettle", ({ target }) => {
    settle(target);
    each("[data-announce]", target, (news) => say(news.dataset.announce || news.textContent.trim()));
  });
  settle(document);
})();
