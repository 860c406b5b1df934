/** @import { Actions, Question, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { fields, short } from "./form.js";

/**
 * Asks before something that cannot be taken back.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function confirm(screen, actions) {
  const question = screen.question;
  if (!question) return nothing;
  const { title, text, yes, act, secret } = words(question, screen, actions);
  const close = () => actions.tell({ kind: "ask", question: null });
  return html`<dialog aria-labelledby="question" @cancel=${(/** @type {Event} */ event) => {
    event.preventDefault();
    close();
  }}>
    <h2 id="question">${title}</h2>
    <p>${text}</p>
    <form @submit=${fields((field) => { close(); act(field); })}>
      ${secret ? html`<label class="field">${secret}
        <input name="passphrase" type="password" autocomplete="current-password"></label>` : nothing}
      <div class="row">
        <button type="button" @click=${close}>Cancel</button>
        <button class="danger full">${yes}</button>
      </div>
    </form>
  </dialog>`;
}

/**
 * @param {Question} question
 * @param {Screen} screen
 * @param {Actions} actions
 * @returns {{ title: string, text: string, yes: string, secret?: string,
 *   act: (field: (name: string) => string) => void }}
 */
function words(question, { daemon }, actions) {
  switch (question.act) {
    case "end":
      return {
        title: "End the meeting for everyone?",
        text: "Everyone is disconnected, and the end is written to the ledger.",
        yes: "End the meeting", act: actions.end,
      };
    case "kick": {
      const { idx, ban } = question;
      const name = isolated(daemon?.meeting?.members.find((member) => member.idx === idx)?.name);
      const yes = ban ? "Kick and ban" : "Kick";
      return {
        title: `${yes} ${name}?`,
        text: ban ? "They are out at once, the key changes, and this meeting refuses them from now on."
          : "They are out at once and the key changes. They may ask to come in again.",
        yes, act: () => actions.kick(idx, ban),
      };
    }
    case "appoint": {
      const { idx } = question;
      const name = isolated(daemon?.meeting?.members.find((member) => member.idx === idx)?.name);
      return {
        title: `Let ${name} lead the meeting?`,
        text: "They admit, remove and make the keys from then on. You stay in the meeting.",
        yes: "Hand over", act: () => actions.appoint(idx),
      };
    }
    case "revoke":
      return revoke(question.device, daemon, actions);
    case "rotate":
      return {
        title: "Replace the key of this device?",
        text: "This computer makes a new key. The old one signs for it and is never used again. "
          + "People you met see that the change is yours.",
        secret: "Passphrase, if the key has one",
        yes: "Replace the key", act: (field) => actions.rotateKey(field("passphrase")),
      };
    case "forget": {
      const { user } = question;
      const name = isolated(daemon?.contacts.find((contact) => contact.user === user)?.name);
      return {
        title: `Forget ${name}?`,
        text: "If you meet again, you will not be told whether it is the same person.",
        yes: "Forget", act: () => actions.forget(user),
      };
    }
  }
}

/**
 * @param {string} device
 * @param {Screen["daemon"]} daemon
 * @param {Actions} actions
 */
function revoke(device, daemon, actions) {
  const active = daemon?.identity?.devices.filter((one) => one.active) ?? [];
  const me = active.some((one) => one.me && one.device === device);
  const act = () => actions.revokeDevice(device);
  if (me && active.length === 1) {
    return {
      title: "Give up your identity?",
      text: "This is your last device. Without it nobody, not even you, can ever speak as this "
        + "identity again.",
      yes: "Give it up for ever", act,
    };
  }
  const mine = active.find((one) => one.me)?.seniority ?? 0;
  if (active.some((one) => one.device === device && one.seniority < mine)) {
    return {
      title: `Ask to revoke device ${short(device)}?`,
      text: "It is older than this one: it is revoked after a day, and until then it can call that off.",
      yes: "Ask for it", act,
    };
  }
  return {
    title: me ? "Revoke this device?" : `Revoke device ${short(device)}?`,
    text: me ? "This computer leaves its meetings and can never speak for you again."
      : "It leaves its meetings and can never speak for you again.",
    yes: me ? "Revoke this device" : "Revoke the device", act,
  };
}

/** So that a name cannot turn the question around.
 * @param {string} [name]
 */
function isolated(name = "") {
  return `\u2068${name}\u2069`;
}
