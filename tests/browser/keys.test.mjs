// What a tap and a key open is there to be read, or written in: the report on a phone, the box of a key.
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

const focused = () => page.evaluate(() => document.activeElement.id);
const state = () => page.evaluate(() => `${location.href}, the focus is on ${document.activeElement.outerHTML.slice(0, 100)}, ${document.querySelectorAll("dialog[open]").length} dialogs are open, the page is ${document.readyState}`);
const at = (where, id) => page.waitForFunction(([where, id]) => location.pathname + location.search === where && document.activeElement.id === id, [where, id], { timeout: 10_000 });

test("on a phone the report that is tapped is in view, also far down the list", async () => {
  const height = 844;
  const phone = await visit(chromium, desk, { size: { width: 390, height } });
  await phone.goto(`${desk.base}/wacht`);
  const row = phone.locator("#queue [data-row]").last();
  await Promise.all([phone.waitForURL(/open=/), row.click()]);
  await phone.waitForSelector("#live:not(:empty)", { state: "attached" });
  const far = await phone.evaluate(() => document.querySelector("[data-row][aria-current]").getBoundingClientRect().top);
  assert.ok(far > height, `the row is far below the report: ${far}`);
  const { top, bottom } = await phone.evaluate(() => document.getElementById("read-h").getBoundingClientRect().toJSON());
  assert.ok(top >= 0 && bottom <= height, `the heading stands from ${top} to ${bottom}`);
  assert.deepEqual(phone.wrong, []);
  await phone.context().close();
});

test("l and b open the box of the timeline, each with its kind, from every tab", async () => {
  for (const [key, kind] of [["b", "decision"], ["l", "note"]]) {
    await page.goto(desk.base + incident);
    await page.keyboard.press(key);
    assert.equal(await focused(), "text");
    assert.equal(await page.inputValue("#kind"), kind);
    await page.goto(`${desk.base}${incident}?tab=taken`);
    await page.keyboard.press(key);
    await at(`${incident}?noteer=${kind}`, "text");
    assert.equal(await page.inputValue("#kind"), kind);
  }
  assert.deepEqual(page.wrong, []);
});

test("t opens the field of a new task, and whoever added one stays with the tasks", async () => {
  await page.goto(desk.base + incident);
  await page.keyboard.press("t");
  await at(`${incident}?tab=taken&nieuw=taak`, "text");
  await page.goto(`${desk.base}${incident}?tab=taken`);
  await page.keyboard.press("t");
  assert.equal(await focused(), "text");
  await page.keyboard.type("Bel de burgemeester");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(new URL(page.url()).searchParams.get("tab"), "taken");
  assert.ok(await page.locator("#tasks").getByText("Bel de burgemeester").isVisible());
  assert.deepEqual(page.wrong, []);
});

test("n and / work on every page", async () => {
  for (const address of ["/uitgaand", incident, "/wacht"]) {
    await page.goto(desk.base + address);
    await page.keyboard.press("/");
    await page.waitForSelector("#palette[open]");
    assert.equal(await focused(), "pal-in");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#palette:not([open])", { state: "attached" });
    await page.keyboard.press("n");
    await page.waitForURL(/\/telefoon$/, { timeout: 10_000 }).catch(async () => assert.fail(`n does nothing on ${address}: ${await state()}`));
  }
  await page.goto(`${desk.base}/meldingen`);
  await page.keyboard.press("/");
  assert.equal(await focused(), "q");
  assert.deepEqual(page.wrong, []);
});

test("x opens the choosing of several, then takes the row that has the focus, and lets go of it", async () => {
  await page.goto(`${desk.base}/wacht`);
  await Promise.all([page.waitForURL(/kies=1/), page.keyboard.press("x")]);
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  const chosen = () => page.locator(".q-row input:checked").count();
  assert.equal(await chosen(), 2);
  await page.keyboard.press("x");
  assert.equal(await chosen(), 1);
  await Promise.all([page.waitForNavigation(), page.click("button[value=claim]")]);
  assert.ok((await page.locator("[data-toast]").innerText()).includes("1 melding"));
  await Promise.all([page.waitForNavigation(), page.keyboard.press("z")]);
  assert.ok((await page.locator("[data-toast]").innerText()).includes("weer vrij"));
  assert.deepEqual(page.wrong, []);
});
