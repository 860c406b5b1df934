/** @import { Actions, Happening } from "./types.js" */
import { Refused, api, follow, takeToken } from "./api.js";
import { Captioner } from "./captions.js";
import { keepFocus } from "./focus.js";
import { speakThrough } from "./gear.js";
import { own } from "./identity.js";
import { press } from "./keys.js";
import { Studio } from "./media.js";
import { render } from "./node_modules/lit-html/lit-html.js";
import { recovery } from "./recovery.js";
import { apply, language, load } from "./settings.js";
import { arrange, closeOthers, fill, float, openDialogs } from "./show.js";
import { initial, place, reduce } from "./state.js";
import { talk } from "./talk.js";
import { page } from "./view/page.js";
import { watch } from "./watch.js";
import { speak, t } from "./words.js";

const settings = load();
/** Nothing is drawn before there are words for it. */
const spoken = speak(language(settings)).then(() => document.getElementById("page")?.replaceChildren());
const { cameraOff, micOff } = settings;
let screen = { ...initial, settings, media: { ...initial.media, camera: !cameraOff, mic: !micOff } };
let shown = "";
let drawing = false;

/** @param {Happening} happening */
function tell(happening) {
  screen = reduce(screen, happening);
  if (drawing) return;
  drawing = true;
  void spoken.then(draw);
}

const studio = new Studio(tell, () => screen);
const follows = watch(tell, studio);
const captioner = new Captioner(tell);

function draw() {
  drawing = false;
  studio.follow(screen);
  follows(screen);
  captioner.follow(screen, studio.track("audio"));
  const root = /** @type {HTMLElement} */ (document.getElementById("page"));
  closeOthers(root, screen.question ? "question" : screen.dialog);
  render(page(screen, actions), root);
  arrange(root);
  speakThrough(root.querySelectorAll("audio"), screen.settings.speaker);
  const where = place(screen);
  if (where !== "meeting") actions.endRecording();
  document.title = title();
  openDialogs(root);
  // Focus moves to what opened, so that keyboard and screen reader begin there.
  const opened = `${where}/${screen.panel ?? ""}`;
  const heading = /** @type {HTMLElement | null} */ (
    root.querySelector(screen.panel ? "[data-panel]" : "[data-focus]"));
  if (opened !== shown && shown) heading?.focus();
  else keepFocus(heading);
  shown = opened;
}

function title() {
  const meeting = screen.daemon?.meeting;
  const waiting = meeting?.lobby.length ? `(${meeting.lobby.length}) ` : "";
  return place(screen) === "meeting" && meeting ? `${waiting}${meeting.title} – Conclave` : "Conclave";
}

/**
 * Does one thing at a time under one name, and shows why it was refused.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} work
 * @returns {Promise<boolean>} whether it was done
 */
async function run(name, work) {
  if (screen.busy.includes(name)) return false;
  tell({ kind: "busy", name, on: true });
  tell({ kind: "refused", refusal: null });
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    tell({ kind: "refused", refusal: { ...cause.refusal, of: name } });
    return false;
  } finally {
    tell({ kind: "busy", name, on: false });
  }
  return true;
}

/** @param {string} name @param {object} [body] */
const post = (name, body) => run(name, () => api.post(`/api/${name}`, body));

/** @param {Partial<import("./types.js").Settings>} change */
async function set(change) {
  tell({ kind: "settings", settings: change });
  apply(screen.settings);
  await speak(language(screen.settings));
  tell({ kind: "settings", settings: {} });
}

/** @type {Actions & { endRecording: () => void }} */
const actions = {
  tell,
  ...own(run, tell),
  ...recovery(run, tell),
  ...talk(run, tell, () => screen, studio),
  set: (change) => void set(change),
  fill: (idx) => void fill(idx),
  float: (idx) => void float(idx),
  start: (title, rules) => post("meetings", { title, ...rules }),
  check: (link) => run("invite", async () => {
    tell({ kind: "preview", link, preview: await api.preview(link) });
  }),
  join: () => post("join", { link: screen.link }),
  admit: (idx) => run(`admit ${idx}`, () => api.post("/api/admit", { idx })),
  admitAll: () => run("admit all", async () => {
    const ready = screen.daemon?.meeting?.lobby.filter((one) => one.ready) ?? [];
    // At once, so that they share one new key.
    await Promise.all(ready.map(({ idx }) => api.post("/api/admit", { idx })));
  }),
  deny: (idx, ban) => run(`deny ${idx}`, () => api.post("/api/deny", { idx, ban })),
  appoint: (idx) => run(`appoint ${idx}`, () => api.post("/api/appoint", { idx })),
  vote: (idx) => run(`vote ${idx}`, async () => {
    await api.post("/api/vote", { idx });
    tell({ kind: "said", text: t("said.vote") });
  }),
  lock: (locked) => run("lock", () => api.post("/api/lock", { locked })),
  kick: (idx, ban) => run(`kick ${idx}`, () => api.post("/api/kick", { idx, ban })),
  leave: () => post("leave"),
  end: () => post("end"),
  chat: (text) => run("chat", () => api.post("/api/chat", { text })),
  dismiss: (id) => {
    tell({ kind: "dismiss", id });
    if (screen.daemon?.meeting?.notices.some((notice) => notice.id === id)) {
      void post("dismiss-notice", { id });
    }
  },
  copy: async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      tell({ kind: "said", text: t("said.copied") });
    } catch {
      const next = t("copy.next");
      tell({ kind: "refused", refusal: { error: t("copy.error"), next } });
    }
  },
  mute: (on) => void studio.turn("audio", !on),
  camera: (on) => void studio.turn("video", on),
  share: (on) => void studio.share(on),
  choose: async (kind, id) => {
    await set({ [kind]: id });
    if (kind !== "speaker") await studio.change(kind === "mic" ? "audio" : "video");
  },
  blur: async (on) => {
    await set({ blur: on });
    await studio.blur(on);
  },
  fetchCaptions: () => void captioner.fetch(),
  picture: (idx, kind) => studio.picture(screen.daemon?.meeting ?? null, idx, kind),
};

apply(settings);
addEventListener("keydown", (event) => press(event, screen, actions));
if (takeToken()) {
  void follow(tell, (to) => tell({ kind: "connection", to }));
} else {
  tell({ kind: "connection", to: "locked" });
}
// A link opened in this tab again brings a new token.
addEventListener("hashchange", () => takeToken() && location.reload());
