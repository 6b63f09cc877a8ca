"use strict";
const records = JSON.parse(document.getElementById("data").textContent);

// Sorting: a click on a head sorts by it, a second one turns the order, a third restores it.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[1].cells];
  heads.forEach((head, place) => {
    head.querySelector("button").addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      const text = head.classList.contains("text");
      const first = text ? "ascending" : "descending";
      const second = text ? "descending" : "ascending";
      const next = before === first ? second : before === second ? null : first;
      if (!next) return body.replaceChildren(...original);
      head.setAttribute("aria-sort", next);
      const rows = original.filter((row) => !row.classList.contains("section"));
      rows.sort((one, other) => compare(one.cells[place], other.cells[place], next));
      body.replaceChildren(...rows);
    });
  });
}

// Numbers before words; cells without a number last, whatever the order.
function compare(one, other, direction) {
  const sign = direction === "ascending" ? 1 : -1;
  const [left, right] = [one.dataset.order, other.dataset.order];
  if (left !== undefined && right !== undefined) return sign * (Number(left) - Number(right));
  if (left !== undefined || right !== undefined) return left === undefined ? 1 : -1;
  return sign * one.textContent.trim().localeCompare(other.textContent.trim(), undefined, { numeric: true });
}

// Filters hide columns; what has no value for a filter stays.
const boxes = [...document.querySelectorAll("[data-filter]")];
boxes.forEach((box) => box.addEventListener("change", showColumns));
function showColumns() {
  const hidden = boxes.filter((box) => !box.checked);
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[1].cells];
    const off = heads.map((head) => hidden.some((box) => hides(box, head)));
    const texts = heads.filter((head) => head.classList.contains("text")).length;
    for (const row of table.querySelectorAll("tbody tr:not(.section), thead tr:last-child")) {
      [...row.cells].forEach((cell, place) => cell.classList.toggle("off", off[place]));
    }
    let place = texts;
    for (const group of [...table.tHead.rows[0].cells].slice(1)) {
      group.dataset.span ??= group.colSpan;
      const size = Number(group.dataset.span);
      const shown = off.slice(place, place + size).filter((gone) => !gone).length;
      group.classList.toggle("off", shown === 0);
      if (shown) group.colSpan = shown;
      place += size;
    }
  }
}
function hides(box, head) {
  const { filter } = box.dataset;
  if (filter !== "origin" && head.dataset.origin !== "measured") return false;
  return head.dataset[filter] === box.value && (filter !== "origin" || head.dataset.kind !== "");
}

if (matchMedia("(max-width: 64rem)").matches) document.querySelector("nav details").open = false;

// Tooltips, for the pointer and for the keyboard.
const tip = document.getElementById("tip");
function showTip(event) {
  const target = event.target.closest("[data-tip]");
  tip.hidden = !target;
  if (!target) return;
  tip.textContent = target.dataset.tip;
  const place = target.getBoundingClientRect();
  const top = place.bottom + 6 + tip.offsetHeight > innerHeight ? place.top - tip.offsetHeight - 6 : place.bottom + 6;
  tip.style.top = `${Math.max(4, top)}px`;
  tip.style.left = `${Math.max(4, Math.min(place.left, innerWidth - tip.offsetWidth - 4))}px`;
}
document.addEventListener("pointerover", showTip);
document.addEventListener("focusin", showTip);
document.addEventListener("scroll", () => { tip.hidden = true; }, true);

// A plain click on a number lists its records; with a modifier it follows the link to the first.
const dialog = document.getElementById("records");
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-runs]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  tip.hidden = true;
  dialog.querySelector("h3").textContent = link.textContent.trim();
  dialog.querySelector("ul").replaceChildren(...link.dataset.runs.split(" ").map(entry));
  dialog.showModal();
});
function entry(place) {
  const record = records[place];
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = record.path;
  link.textContent = record.id;
  const facts = document.createElement("small");
  facts.textContent = `${record.what} · seed ${record.seed} · ${record.score} · ${record.data} · ${record.date}`;
  item.append(link, facts);
  return item;
}

addEventListener("beforeprint", () => {
  for (const notes of document.querySelectorAll("details")) notes.open = true;
});
