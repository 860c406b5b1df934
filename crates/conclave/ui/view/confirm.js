/** @import { Actions, Question, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { fields, short } from "./form.js";
import { t } from "../words.js";

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
  return html`<dialog data-of="question" aria-labelledby="question" @cancel=${(/** @type {Event} */ event) => {
    event.preventDefault();
    close();
  }}>
    <h2 id="question">${title}</h2>
    <p>${text}</p>
    <form @submit=${fields((field) => { close(); act(field); })}>
      ${secret ? html`<label class="field">${secret}
        <input name="passphrase" type="password" autocomplete="current-password"></label>` : nothing}
      <div class="row">
        <button type="button" @click=${close}>${t("confirm.cancel")}</button>
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
        title: t("confirm.end"),
        text: t("confirm.end.text"),
        yes: t("confirm.end.yes"), act: actions.end,
      };
    case "kick": {
      const { idx, ban } = question;
      const name = isolated(daemon?.meeting?.members.find((member) => member.idx === idx)?.name);
      return {
        title: t(ban ? "confirm.ban" : "confirm.kick", { name }),
        text: t(ban ? "confirm.ban.text" : "confirm.kick.text"),
        yes: t(ban ? "people.ban" : "people.kick"), act: () => actions.kick(idx, ban),
      };
    }
    case "appoint": {
      const { idx } = question;
      const name = isolated(daemon?.meeting?.members.find((member) => member.idx === idx)?.name);
      return {
        title: t("confirm.appoint", { name }),
        text: t("confirm.appoint.text"),
        yes: t("person.handover"), act: () => actions.appoint(idx),
      };
    }
    case "revoke":
      return revoke(question.device, daemon, actions);
    case "rotate":
      return {
        title: t("confirm.rotate"),
        text: t("confirm.rotate.text"),
        secret: t("passphrase.if"),
        yes: t("confirm.rotate.yes"), act: (field) => actions.rotateKey(field("passphrase")),
      };
    case "forget": {
      const { user } = question;
      const name = isolated(daemon?.contacts.find((contact) => contact.user === user)?.name);
      return {
        title: t("confirm.forget", { name }),
        text: t("confirm.forget.text"),
        yes: t("contact.forget"), act: () => actions.forget(user),
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
      title: t("confirm.giveup"),
      text: t("confirm.giveup.text"),
      yes: t("confirm.giveup.yes"), act,
    };
  }
  const mine = active.find((one) => one.me)?.seniority ?? 0;
  if (active.some((one) => one.device === device && one.seniority < mine)) {
    return {
      title: t("confirm.askrevoke", { device: short(device) }),
      text: t("confirm.askrevoke.text"),
      yes: t("confirm.askrevoke.yes"), act,
    };
  }
  return {
    title: me ? t("confirm.revoke.this") : t("confirm.revoke", { device: short(device) }),
    text: me ? t("confirm.revoke.this.text")
      : t("confirm.revoke.text"),
    yes: me ? t("device.revoke.this") : t("confirm.revoke.yes"), act,
  };
}

/** So that a name cannot turn the question around.
 * @param {string} [name]
 */
function isolated(name = "") {
  return `\u2068${name}\u2069`;
}
