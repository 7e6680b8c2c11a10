// What somebody is writing survives what colleagues do meanwhile, and overwrites none of it unseen.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { addresses } from "./pages.mjs";
import { browser, demo, visit } from "./harness.mjs";

let desk, chromium, here, there, incident;
before(async () => {
  [desk, chromium] = await Promise.all([demo(), browser()]);
  [here, there] = [await visit(chromium, desk), await visit(chromium, desk)];
  incident = (await addresses(here, desk)).find((address) => /^\/incident\/I-[^?]+$/.test(address));
});
after(async () => { await chromium?.close(); await desk?.stop(); });

const open = async (page, field) => {
  await page.goto(desk.base + incident);
  await page.click(`#field-${field} > summary`);
};
const save = (page, field) => Promise.all([page.waitForNavigation(), page.click(`#field-${field} form button`)]);

test("a title that is typed and a phase that is chosen stay when a colleague saves something else", async () => {
  await open(here, "title");
  const before = await here.inputValue("#value-title");
  await here.fill("#value-title", "Mijn titel");
  await here.click("#field-phase > summary");
  await here.selectOption("#value-phase", "aftercare");
  await here.focus("#main");
  await open(there, "pap");
  await there.selectOption("#value-pap", "RED");
  await save(there, "pap");
  await here.waitForFunction(() => document.querySelector("#field-pap > summary").textContent.includes("PAP:RED"));
  assert.equal(await here.inputValue("#value-title"), "Mijn titel");
  assert.equal(await here.inputValue("#value-phase"), "aftercare");

  // A colleague changes that very field: it is a conflict, with both values.
  await open(there, "title");
  await there.fill("#value-title", "Hun titel");
  await save(there, "title");
  await here.waitForFunction(() => document.querySelector("#field-title > summary").textContent.includes("Hun titel"));
  assert.equal(await here.inputValue("#value-title"), "Mijn titel");
  assert.equal(await here.locator("#field-title [name=was]").inputValue(), before);
  await save(here, "title");
  const said = await here.locator(".errsum").innerText();
  assert.ok(said.includes("Hun titel") && said.includes("Mijn titel"), said);
  assert.equal(await here.inputValue("#value-title"), "Mijn titel");
  await save(here, "title");
  assert.ok((await here.locator("h1").innerText()).includes("Mijn titel"));
  assert.deepEqual(here.wrong.filter((line) => !line.includes("409")), []);
});
