/**
 * The page for whoever was invited and has no Conclave yet. It reads the invite out of the address,
 * where no server sees it, shows it to be copied, and asks for nothing.
 */
import { invite } from "./invite.js";
import { WORDS } from "./words.js";

/** @template {Element} T @param {string} selector */
const one = (selector) => /** @type {T} */ (document.querySelector(selector));
/** @type {HTMLInputElement} */
const field = one(".invite input");

/** Says everything in the first language of the browser that there are words for. */
function speak() {
  const wanted = navigator.languages.map((name) => name.slice(0, 2).toLowerCase());
  const language = wanted.find((name) => name === "en" || name in WORDS) ?? "en";
  const words = WORDS[language];
  if (!words) return;
  document.documentElement.lang = language;
  for (const part of document.querySelectorAll("[data-say]")) {
    part.textContent = words[part.getAttribute("data-say") ?? ""] ?? part.textContent;
  }
}

function show() {
  const found = invite(location.hash);
  field.value = found ?? "";
  one(".invite").toggleAttribute("hidden", found === null);
  one(".broken").toggleAttribute("hidden", found !== null);
}

/** @param {"copied" | "mark"} what */
function say(what) {
  for (const name of ["copied", "mark"]) one(`[data-say=${name}]`).toggleAttribute("hidden", name !== what);
}

async function copy() {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    say("copied");
  } catch {
    // Also where there is no clipboard: pages that did not come over TLS have none.
    say("mark");
  }
}

speak();
show();
field.addEventListener("focus", () => field.select());
one("button").addEventListener("click", () => void copy());
addEventListener("hashchange", show);
