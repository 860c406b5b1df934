/** What proves that somebody lied, before a daemon that is made up. */
import assert from "node:assert/strict";
import { codes, freshState, meeting } from "./fake-daemon.js";
import { button } from "./helpers.js";
import { onPage } from "./on-page.js";
import { shot } from "./shots.js";

const TWICE = {
  kind: "equivocation", text: "The leader signed two records for epoch 3.", parts: ["0a0b"],
  file: "CONCLAVE_HOME/evidence/equivocation-5d0e88f1c02a6b97.json",
};
const FORK = {
  kind: "fork", text: "The validators signed two blocks of one height. Do not trust this ledger.",
  parts: ["01", "02"], file: "CONCLAVE_HOME/evidence/fork-9f1c20ab77e04d21.json",
};

onPage("a proof against the leader is shown, copied, and says where it is kept", {
  meeting: meeting({ me: null, codes: codes({ evidence: [TWICE] }) }),
}, async (page) => {
  await button(page, "Something is wrong").click();
  const alert = page.getByRole("alert").filter({ hasText: TWICE.text });
  await alert.getByText(TWICE.file).waitFor();
  await shot(page, "evidence");
  await button(page, "Copy the evidence").click();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual(copied, { kind: TWICE.kind, parts: TWICE.parts });
});

onPage("steps that no validator takes are said", { network: { ...freshState().network, overdue: 2 } }, async (page, daemon) => {
  const text = "The validators have not taken 2 steps of yours for more than 10 seconds.";
  await page.getByRole("alert").getByText(text).waitFor();
  daemon.show({ network: freshState().network });
  await page.getByText(text).waitFor({ state: "detached" });
});

onPage("a forked ledger is said at home too", { network: { ...freshState().network, fork: FORK } }, async (page) => {
  await page.getByRole("alert").filter({ hasText: FORK.text }).getByText(FORK.file).waitFor();
  await shot(page, "fork");
});
