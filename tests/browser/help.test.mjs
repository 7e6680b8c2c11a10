// The help under `?` lists what works on the page below it, and what it lists works.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addresses } from "./pages.mjs";
import { browser, demo, visit } from "./harness.mjs";

let desk, chromium, page, incident;
before(async () => {
  [desk, chromium] = await Promise.all([demo(), browser()]);
  page = await visit(chromium, desk);
  incident = (await addresses(page, desk)).find((address) => /^\/incident\/I-[^?]+$/.test(address));
});
after(async () => { await chromium?.close(); await desk?.stop(); });

const help = async () => {
  await page.keyboard.press("?");
  const listed = await page.locator("#keys dt:visible").allInnerTexts();
  await page.keyboard.press("Escape");
  return listed.map((text) => text.replace(/\s+/g, " ").trim());
};

test("the help of an incident and of the duty desk differ", async () => {
  await page.goto(desk.base + incident);
  const here = await help();
  for (const key of ["p", "s", "o", "e", "l", "b", "t"]) assert.ok(here.includes(key), `${key}: ${here}`);
  for (const key of ["a", "h", "v", "x"]) assert.ok(!here.includes(key), `${key}: ${here}`);
  await page.goto(`${desk.base}/wacht`);
  const duty = await help();
  for (const key of ["a", "h", "v", "x", "r"]) assert.ok(duty.includes(key), `${key}: ${duty}`);
  for (const key of ["p", "s", "l"]) assert.ok(!duty.includes(key), `${key}: ${duty}`);
  assert.deepEqual(page.wrong, []);
});

test("fields and tabs of an incident open by key, and a report is corrected by key", async () => {
  const focused = () => page.evaluate(() => document.activeElement.id);
  for (const [key, id] of [["p", "value-phase"], ["s", "value-severity"], ["o", "value-lead"], ["e", "value-title"]]) {
    await page.goto(desk.base + incident);
    await page.keyboard.press(key);
    assert.equal(await focused(), id);
  }
  for (const [key, tab] of [["4", "waarneembaren"], ["2", "gesprek"], ["3", "taken"], ["1", null]]) {
    await Promise.all([page.waitForNavigation(), (await page.evaluate(() => document.activeElement.blur()), page.keyboard.press(key))]);
    assert.equal(new URL(page.url()).searchParams.get("tab"), tab);
  }
  await page.goto(`${desk.base}/wacht`);
  await Promise.all([page.waitForURL(/doe=verbeter/), page.keyboard.press("v")]);
  assert.deepEqual(page.wrong, []);
});
