/** 200 strings that want to be more than text, as every name there is. */
import assert from "node:assert/strict";
import { contact, file, freshState, identity, lobbyist, meeting, member } from "./fake-daemon.js";
import { button } from "./helpers.js";
import { onPage } from "./on-page.js";
import { SHOTS } from "./world.js";

const SCRIPTS = [
  "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "\"><script>alert(1)</script>",
  "' onmouseover='alert(1)", "javascript:alert(1)", "{{constructor.constructor('alert(1)')()}}", "${alert(1)}",
  "<iframe src=javascript:alert(1)>", "<a href=javascript:alert(1)>x</a>", "<math><mi xlink:href=javascript:alert(1)>",
  "<style>*{display:none}</style>", "<base href=//evil.test/>", "<meta http-equiv=refresh content=0;url=//evil.test>",
  "]]><script>alert(1)</script>", "<!--<script>alert(1)", "--><img src=x onerror=alert(1)>", "\\u003cscript\\u003ealert(1)",
  "&lt;script&gt;alert(1)&lt;/script&gt;", "%3Cscript%3Ealert(1)%3C/script%3E", "<template><script>alert(1)</script>",
  "?lit$000$", "<!--?lit$000$-->", "lit$000$", "<dialog open>x</dialog>", "<button autofocus onfocus=alert(1)>",
  "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>", "<form action=//evil.test><input>", "</title><script>alert(1)</script>",
];
const MARKS = ["\u202E", "\u202D", "\u202A", "\u2066", "\u2067", "\u2068", "\u200F", "\u061C", "\u200B", "\u200D", "\uFEFF", "\u00AD", "\u2028", "\u0000", "\u0007", "\u180E", "\u3164", "\u034F"];
const LONG = ["W".repeat(10_000), "w ".repeat(5_000), "\u0651".repeat(10_000), "e\u0301".repeat(5_000), "👩‍👩‍👧‍👦".repeat(900), "ﷺ".repeat(3_000),
  "Z\u0335\u0321\u0353\u030D\u0313\u0300\u0352".repeat(400), "無".repeat(10_000), "م".repeat(10_000), "-".repeat(10_000)];
const WRITTEN = ["שלום עולם", "مرحبا بالعالم", "שלום <b>x</b> (7712)", "العربية https://evil.test/", "नमस्ते", "สวัสดี", "\u0430lice", "\u0412ob", "B\u043Eb Okafor", "аррӏе", "Ελένη", ""];
const ALL = [
  ...SCRIPTS, ...MARKS.map((mark) => `Eve${mark}live (leader)`), ...MARKS.map((mark) => mark.repeat(50)), ...LONG, ...WRITTEN,
  ...SCRIPTS.flatMap((text) => [`${text}\u202E`, `\u2066${text.toUpperCase()}`, `${text} ${"A".repeat(300)}`]),
  ...MARKS.map((mark) => `https://example.org/${mark}?q="onclick=alert(1)`),
  ...["; ls", "../../etc/passwd", "CON", "a\nb", "  ", "NULL", "undefined", "__proto__", "constructor", "0", "-1", "1e999", "NaN", "toString"],
].slice(0, 200);

/** A page on which nothing ran, nothing was loaded and nothing stands out of the window. */
async function assertWhole(page) {
  const found = await page.evaluate(() => ({
    ran: globalThis.ran ?? 0,
    foreign: document.querySelectorAll("#page :is(script, img, iframe, style, base, meta, math, form[action], b:not(.words b), template, dialog:not([data-of]), source)").length,
    wide: document.documentElement.scrollWidth - innerWidth,
    handlers: [...document.querySelectorAll("#page *")].filter((one) => one.getAttributeNames().some((name) => /^on/.test(name))).length,
    links: [...document.querySelectorAll("#page a")].filter(({ protocol }) => !/^https?:$/.test(protocol)).length,
    loaded: performance.getEntriesByType("resource").filter(({ name }) => !name.startsWith(location.origin)).length,
    turned: /[\u202A-\u202E\u2066-\u2069]/.test(document.body.textContent ?? "") && !document.querySelector("dialog"),
    over: document.documentElement.scrollWidth === innerWidth ? [] : [...document.querySelectorAll("#page *")]
      .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => `${one.className} ${one.outerHTML.slice(0, 60)}`).slice(0, 8),
    out: [...document.querySelectorAll("#page :is(button, input, .tile, .name, strong, h1, h2)")]
      .filter((one) => one.checkVisibility() && !one.closest(".unseen, .corner") && one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".over")).map((one) => one.outerHTML.slice(0, 80)),
  }));
  assert.deepEqual(found, { ran: 0, foreign: 0, wide: 0, handlers: 0, links: 0, loaded: 0, turned: false, over: [], out: [] });
}

assert.equal(new Set(ALL).size, 200);

for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 844 }]) {
  onPage("200 hostile strings stay text and break nothing" + `, ${viewport.width} pixels wide`, {}, async (page, daemon) => {
    await page.evaluate(() => {
      globalThis.ran = 0;
      globalThis.alert = () => { globalThis.ran += 1; };
    });
    const base = freshState();
    for (let at = 0; at < ALL.length; at += 10) {
      const ten = ALL.slice(at, at + 10);
      const [first] = ten;
      daemon.show({
        identity: identity({ info: { form: "clear", text: first }, handle: first }), contacts: ten.map((name) => contact(name, 1)),
        network: { ...base.network, name: first }, recent: ten.map((title, n) => ({ mid: `${n}`, title, ended_at_ms: 0 })), meeting: null,
      });
      await button(page, "Start a meeting").waitFor();
      await assertWhole(page);
      daemon.show({ meeting: meeting({
        me: null, title: first,
        members: ten.map((name, n) => member(n, name, { me: n === 0, user: `${at}${n}`, key: n === 1 ? "problem" : "ok", key_text: n === 1 ? name : "", hand_ms: n === 2 ? 1 : undefined })),
        lobby: ten.slice(0, 3).map((name, n) => lobbyist(100 + n, name, { user: `x${at}${n}` })),
        chat: ten.map((text, n) => ({ id: `${at}${n}`, idx: n, name: text, text, at_ms: 0, me: false })),
        files: ten.map((name, n) => file(`${n}`, name, { name, text: name })),
        reactions: ten.slice(0, 3).map((name, n) => ({ id: `${n}`, idx: n, name, emoji: "👍", at_ms: 0 })),
        asked: [{ id: `${at}`, idx: 1, name: first, what: "unmute", at_ms: 0 }],
      }) });
      await page.getByRole("article").nth(9).waitFor();
      await assertWhole(page);
      for (const key of ["c", "p", "i"]) {
        await page.keyboard.press(key);
        await page.getByRole("complementary").waitFor();
        await assertWhole(page);
        if (key !== "c") continue;
        await button(page, "Files").click();
        await page.getByRole("list", { name: "Files", exact: true }).waitFor();
        await assertWhole(page);
      }
      await page.keyboard.press("i");
      if (at === 0 || at === 60) await page.screenshot({ path: `${SHOTS}/hostile-${viewport.width}-${at}.png` });
    }
    daemon.show({ meeting: null, recent: [], contacts: [], identity: identity(), network: base.network });
    await button(page, "Start a meeting").waitFor();
  }, viewport);
}
