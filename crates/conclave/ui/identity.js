/** @import { Actions, Happening, Screen } from "./types.js" */
import { api } from "./api.js";
import { t } from "./words.js";

/**
 * What a person does about their own user on the ledger.
 *
 * @param {(name: string, work: () => Promise<unknown>) => Promise<boolean>} run
 * @param {(happening: Happening) => void} tell
 */
export function own(run, tell) {
  /**
   * Asks for a link to hand over, and goes where it is shown.
   *
   * @param {Parameters<typeof api.hand>[0]} name
   * @param {Screen["screen"]} screen
   * @param {object} [body]
   */
  const hand = (name, screen, body) => run(name, async () => {
    tell({ kind: "handed", handed: await api.hand(name, body), screen });
  });
  /**
   * @param {string} name
   * @param {object} body
   * @param {string} said what a listener is told when it is done
   */
  const change = (name, body, said) => run(name, async () => {
    await api.post(`/api/${name}`, body);
    tell({ kind: "said", text: said });
  });
  return {
    /** @type {Actions["createIdentity"]} */
    createIdentity: (name, form, passphrase, key, work, store) => {
      const body = {
        name, form, ...key === "ed25519" ? {} : { key }, ...work ? { work } : {},
      };
      return run("identity", () => api.post("/api/identity", guarded(body, passphrase, store)));
    },
    /** @type {Actions["claimHandle"]} */
    claimHandle: async (name) => {
      if (HANDLE.test(name)) return change("handle", { name }, t("handle.yours", { name }));
      const error = t("handle.rule.error");
      tell({ kind: "refused", refusal: { error, next: t("handle.another.next"), of: "handle" } });
      return false;
    },
    /** @type {Actions["rename"]} */
    rename: (name, form, passphrase) =>
      change("info", guarded({ name, ...form ? { form } : {} }, passphrase), t("name.changed")),
    offerDevice: () => hand("devices/offer", "offer"),
    /** @type {Actions["acceptDevice"]} */
    acceptDevice: (link, passphrase, store) =>
      hand("devices/accept", "answer", guarded({ link }, passphrase, store)),
    /** @type {Actions["addDevice"]} */
    addDevice: async (link) => {
      if (await change("devices/add", { link }, t("device.added"))) {
        tell({ kind: "go", screen: "identity" });
      }
    },
    /** @type {Actions["revokeDevice"]} */
    revokeDevice: (device) => change("devices/revoke", { device }, t("device.told")),
    /** @type {Actions["rotateKey"]} */
    rotateKey: (passphrase) =>
      change("devices/rotate", guarded({}, passphrase), t("device.newkey")),
    acknowledge: () => change("changes/known", {}, t("said.noted")),
    disclose: () => hand("info/disclose", "identity"),
    /** @type {Actions["checkDisclosure"]} */
    checkDisclosure: (link) => run("info/check", async () => {
      tell({ kind: "disclosed", disclosed: await api.checkDisclosure(link) });
    }),
    /** @type {Actions["forget"]} */
    forget: (user) => change("contacts/forget", { user }, t("said.forgotten")),
  };
}

/**
 * @template {object} T
 * @param {T} body
 * @param {string} passphrase empty for none
 * @param {boolean} [store] whether the key store of the system keeps what opens a new key
 * @returns {T & { passphrase?: string, key_store?: "os" }}
 */
export function guarded(body, passphrase, store = false) {
  return { ...body, ...passphrase ? { passphrase } : {}, ...store ? { key_store: "os" } : {} };
}

/** What the ledger takes for a handle. */
const HANDLE = /^[a-z0-9][a-z0-9._-]{2,31}$/;
