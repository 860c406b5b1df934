/** @import { Actions, Happening, Screen } from "./types.js" */
import { api } from "./api.js";
import { Recorder, fileName, save } from "./record.js";
import { t } from "./words.js";

/**
 * What a person does within a meeting beside speaking: hands, reactions, wishes, files, recording.
 *
 * @param {(name: string, work: () => Promise<unknown>) => Promise<boolean>} run
 * @param {(happening: Happening) => void} tell
 * @param {() => Screen} screen
 * @param {import("./media.js").Studio} studio
 */
export function talk(run, tell, screen, studio) {
  /** @type {Recorder | null} */
  let recorder = null;
  /** @param {string} id @param {"warn" | "error"} level @param {string} text @param {string} next */
  const warn = (id, level, text, next) => tell({ kind: "notice", notice: { id, level, text, next } });

  /** @param {boolean} on */
  async function record(on) {
    if (!on) return recorder?.stop();
    const stage = /** @type {HTMLElement | null} */ (document.querySelector(".tiles"));
    if (!stage || recorder) return;
    const title = screen().daemon?.meeting?.title ?? "";
    const made = recorder = new Recorder(stage, () => studio.own.stream, (failed) => {
      recorder = null;
      tell({ kind: "recording", on: false });
      if (failed) warn("record", "error", t("record.failed"), t("record.failed.next"));
      void run("record", () => api.post("/api/record", { on: false }));
    });
    // Everyone is told before anything is kept.
    const told = await run("record", () => api.post("/api/record", { on: true }));
    const begun = told && await made.start(`${fileName(title)} ${new Date().toISOString().slice(0, 10)}.webm`);
    if (!begun) {
      recorder = null;
      made.close();
      if (told) void run("record", () => api.post("/api/record", { on: false }));
      return;
    }
    tell({ kind: "recording", on: true });
  }

  return {
    hand: (/** @type {boolean} */ up) => run("hand", () => api.post("/api/hand", { up })),
    react: (/** @type {string} */ emoji) => run("react", () => api.post("/api/react", { emoji })),
    /** @type {Actions["ask"]} */
    ask: (idx, what) => run(`ask ${idx} ${what}`, async () => {
      await api.post("/api/ask", { idx, what });
      tell({ kind: "said", text: t("said.asked") });
    }),
    /** @type {Actions["answer"]} */
    answer: ({ id, what }, yes) => {
      if (yes && what === "unmute") void studio.turn("audio", true);
      void run(`asked ${id}`, () => api.post("/api/asked", { id }));
    },
    record: (/** @type {boolean} */ on) => void record(on),
    /** Ends a recording whose meeting is over. */
    endRecording: () => recorder?.stop(),
    admitKnown: () => run("admit all", () => api.post("/api/admit-known")),
    /** @type {Actions["admission"]} */
    admission: (admit) => run("policy", () => api.post("/api/policy", { admit })),
    /** @type {Actions["sendFiles"]} */
    sendFiles: async (files) => {
      for (const file of files) {
        if (file.size > MOST) warn("file", "warn", t("files.large", { name: file.name }), t("files.large.next"));
        else await run(`send ${file.name}`, () => api.sendFile(file));
      }
    },
    /** @type {Actions["takeFile"]} */
    takeFile: ({ id }) => run(`take ${id}`, () => api.post("/api/file/take", { id })),
    /** @type {Actions["saveFile"]} */
    saveFile: ({ id, file }) => run(`save ${id}`, async () => save(file, await api.file(id))),
    /** @type {Actions["download"]} */
    download: (name, type, text) => save(name, new Blob([text], { type })),
    doctor: () => {
      tell({ kind: "go", screen: "doctor" });
      tell({ kind: "checks", checks: null });
      void run("doctor", async () => tell({ kind: "checks", checks: (await api.doctor()).checks }));
    },
  };
}

/** As much as the daemon takes of one file. */
const MOST = 64 * 1024 * 1024;
