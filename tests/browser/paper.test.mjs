// An incident on paper: what its fields say, and nothing that can only be pressed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addresses } from "./pages.mjs";
import { browser, demo, visit } from "./harness.mjs";

let desk, chromium;
before(async () => { [desk, chromium] = await Promise.all([demo(), browser()]); });
after(async () => { await chromium?.close(); await desk?.stop(); });

test("a printed incident shows the value of every field and no act", async () => {
  const page = await visit(chromium, desk);
  const incident = (await addresses(page, desk)).find((address) => /^\/incident\/I-[^?]+$/.test(address));
  await page.goto(desk.base + incident);
  const seen = () => page.evaluate(() => ({
    fields: [...document.querySelectorAll("#side .set")].map((field) => [field.id, field.querySelector(".v").checkVisibility()]),
    acts: [...document.querySelectorAll("main button:not(.tick), main .set form")].filter((act) => act.checkVisibility()).map((act) => act.textContent.trim()),
  }));
  assert.ok((await seen()).acts.length > 0, "on screen there are acts");
  await page.locator("#field-lead summary").click();
  await page.emulateMedia({ media: "print" });
  const { fields, acts } = await seen();
  for (const name of ["phase", "lead", "pap"]) assert.ok(fields.some(([id]) => id === `field-${name}`), name);
  assert.deepEqual(fields.filter(([, shown]) => !shown), []);
  assert.deepEqual(acts, []);
  assert.deepEqual(page.wrong, []);
  await page.context().close();
});
