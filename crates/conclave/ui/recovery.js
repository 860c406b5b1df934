/** @import { Actions, Happening } from "./types.js" */
import { api } from "./api.js";
import { guarded } from "./identity.js";
import { t } from "./words.js";

/**
 * What a person does about the sheet of paper that brings them back.
 *
 * @param {(name: string, work: () => Promise<unknown>) => Promise<boolean>} run
 * @param {(happening: Happening) => void} tell
 */
export function recovery(run, tell) {
  return {
    drawSheet: () => run("recovery/sheet", async () => {
      tell({ kind: "drawn", drawn: { sheet: await api.drawSheet(), ask: twoOf(WORDS) } });
    }),
    /** @type {Actions["keepSheet"]} */
    keepSheet: async ({ sheet, ask }, typed) => {
      const words = sheet.words.split(" ");
      const wrong = ask.find((number, n) => typed[n]?.toLowerCase() !== words[number - 1]);
      if (wrong !== undefined) {
        const error = t("sheet.wrong", { number: wrong });
        return tell({ kind: "refused", refusal: { error, next: t("sheet.wrong.next") } });
      }
      if (await run("recovery/keep", () => api.post("/api/recovery/keep", { words: sheet.words }))) {
        tell({ kind: "go", screen: "identity" });
        const [text, next] = [t("sheet.told"), t("sheet.told.next")];
        tell({ kind: "notice", notice: { id: "sheet", level: "info", text, next } });
      }
    },
    /** @type {Actions["callOff"]} */
    callOff: async (by) => {
      const done = await run(`cancel ${by}`, () => api.post("/api/changes/cancel", { device: by }));
      if (done) tell({ kind: "said", text: t("said.calledoff") });
    },
    print: () => globalThis.print(),
    /** @type {Actions["recover"]} */
    recover: (words, name, form, passphrase, store) => run("recovery/recover", async () => {
      const { registered } = await api.recover(guarded({ words, name, ...form ? { form } : {} }, passphrase, store));
      tell({ kind: "go", screen: registered ? "home" : "recovering" });
      if (registered) tell({ kind: "said", text: t("said.device") });
    }),
  };
}

/** Two different numbers from 1 to `count`, the lower one first.
 * @param {number} count
 */
function twoOf(count) {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
  const first = a % count;
  const second = (first + 1 + b % (count - 1)) % count;
  return [first + 1, second + 1].sort((one, other) => one - other);
}

const WORDS = 24;
