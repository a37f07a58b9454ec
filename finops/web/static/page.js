// What the page does better with JavaScript; all of it works without. No data leaves the page from here.
"use strict";

for (const form of document.querySelectorAll(".pick-form")) {
  const boxes = [...form.querySelectorAll("input[name=row]")];
  const count = form.querySelector("[data-count]");

  const tell = () => {
    const picked = boxes.filter((box) => box.checked);
    const sums = {};
    let unknown = 0;
    for (const box of picked) {
      if (box.dataset.amount === "") unknown += 1;
      else sums[box.dataset.currency] = (sums[box.dataset.currency] || 0) + Number(box.dataset.amount);
    }
    const money = Object.entries(sums).map(([currency, sum]) =>
      currency ? new Intl.NumberFormat("en-US", { style: "currency", currency }).format(sum) : sum.toFixed(2));
    if (unknown) money.push(`${unknown} of unknown cost`);
    if (count) count.textContent = picked.length ? `${picked.length} selected: ${money.join(" and ")} a month` : "";
  };

  form.addEventListener("change", tell);
  tell();

  const all = document.querySelector("[data-pick-low]");
  if (all) {
    all.addEventListener("click", (event) => {
      event.preventDefault();
      const every = boxes.every((box) => box.checked);
      for (const box of boxes) box.checked = !every;
      tell();
    });
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
