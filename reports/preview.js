// Waits until a template was saved, then loads the report anew where it was scrolled to.
const frame = document.querySelector("iframe");
let version = document.documentElement.dataset.version;

async function wait() {
  for (;;) {
    try {
      const answer = await fetch("/changed?since=" + encodeURIComponent(version));
      const found = await answer.text();
      if (answer.ok && found !== version) {
        const top = frame.contentWindow ? frame.contentWindow.scrollY : 0;
        sessionStorage.setItem("top", String(top));
        location.reload();
        return;
      }
    } catch {
      await new Promise((again) => setTimeout(again, 1000));
    }
  }
}

frame.addEventListener("load", () => {
  const top = Number(sessionStorage.getItem("top"));
  if (top && frame.contentWindow) frame.contentWindow.scrollTo(0, top);
  sessionStorage.removeItem("top");
});
wait();
