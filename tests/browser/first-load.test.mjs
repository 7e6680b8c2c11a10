// What a first visit costs, and that it works over a slow line: weight of the queue, nothing that moves while a page appears, and a report
// that is taken at 3G speed. Times are printed and decide nothing. With BENCH_RESULTS=FOLDER the figures are appended there, with machine and date.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { addresses } from "./pages.mjs";
import { browser, demo, sizes, visit } from "./harness.mjs";

const wireBytesMax = 100_000; // the queue with all that its first load fetches, as it crosses the line
const shiftMax = 0.001; // of the layout-shift score: rounding, not a move that an eye sees

// Emulated lines, in bits per second and milliseconds there and back.
const lines = {
  "3G": { down: 1_600_000, up: 750_000, latency: 150 },
  "slow 3G": { down: 400_000, up: 400_000, latency: 400 },
};

const figures = []; // what was measured, as rows of a table: what, figure, bar

/** Appends the figures of this run to a file of results, as the other benchmarks do. */
function publish(folder) {
  const file = join(folder, "first-load.md");
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const machine = [
    `${os.cpus().length} × ${os.cpus()[0]?.model ?? "processor unknown"}`, `${Math.ceil(os.totalmem() / 2 ** 30)} GiB`, `Linux ${os.release()}`,
    `Chromium ${chromium.version()}`, `load after it ${os.loadavg().map((one) => one.toFixed(2)).join(" ")}`, `commit ${commit}`,
  ].join("; ");
  const date = `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const table = ["| what | measured | bar |", "| --- | ---: | ---: |", ...figures.map((row) => `| ${row.join(" | ")} |`)].join("\n");
  mkdirSync(folder, { recursive: true });
  const title = existsSync(file) ? "" : "# first-load\n";
  appendFileSync(file, `${title}\n## ${date}\n\n\`node --test tests/browser/first-load.test.mjs\`\n\n${machine}\n\n${table}\n`);
}

let desk, chromium, incident;
before(async () => {
  [desk, chromium] = await Promise.all([demo(), browser()]);
  const page = await visit(chromium, desk);
  incident = (await addresses(page, desk)).find((address) => /^\/incident\/I-[^?]+$/.test(address));
  await page.context().close();
});
after(async () => {
  if (process.env.BENCH_RESULTS && figures.length) publish(process.env.BENCH_RESULTS);
  await chromium?.close();
  await desk?.stop();
});

/** A page of a browser that was never here but for signing in, with the debugger's view of its network. */
async function fresh(options) {
  const page = await visit(chromium, desk, options);
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.clearBrowserCache");
  return { page, session };
}

test("the first load of the queue weighs little", async () => {
  const { page, session } = await fresh();
  const fetched = new Map();
  session.on("Network.responseReceived", ({ requestId, response, type }) => {
    if (type !== "EventSource") fetched.set(requestId, { address: new URL(response.url).pathname, bytes: 0 });
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (fetched.has(requestId)) fetched.get(requestId).bytes = encodedDataLength;
  });
  await page.goto(`${desk.base}/wacht`, { waitUntil: "load" });
  await page.waitForSelector("[data-row]");
  const all = [...fetched.values()];
  const sum = all.reduce((bytes, one) => bytes + one.bytes, 0);
  console.log(`first load of the queue: ${sum} bytes; ${all.map((one) => `${one.address} ${one.bytes}`).join(", ")}`);
  figures.push(["first load of the queue", `${(sum / 1000).toFixed(1)} kB in ${all.length} requests`, "≤ 100 kB"]);
  for (const kind of [/^\/wacht$/, /\.css$/, /\.js$/]) {
    assert.ok(all.some((one) => kind.test(one.address) && one.bytes > 0), `${kind} was fetched over the line`);
  }
  assert.ok(sum <= wireBytesMax, `${sum} bytes`);
  await page.context().close();
});

for (const [name, size] of Object.entries(sizes)) {
  test(`nothing moves while a page appears: ${name}`, async () => {
    for (const address of ["/wacht", incident]) {
      const { page } = await fresh({ size });
      await page.addInitScript(() => {
        window.shifts = [];
        new PerformanceObserver((list) => {
          for (const one of list.getEntries()) window.shifts.push({ value: one.value, moved: one.sources.map((source) => source.node?.id || source.node?.className || source.node?.nodeName) });
        }).observe({ type: "layout-shift", buffered: true });
      });
      await page.goto(desk.base + address, { waitUntil: "load" });
      await page.waitForSelector(".live:not(.lost)", { state: "attached" });
      // Two frames later whatever the script put right has been painted, and the observer has heard of it.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))));
      const shifts = await page.evaluate(() => window.shifts);
      const sum = shifts.reduce((total, one) => total + one.value, 0);
      console.log(`layout shift of ${address}, ${name}: ${sum.toFixed(4)}`);
      figures.push([`layout shift, ${address === "/wacht" ? "queue" : "incident"}, ${name}`, sum.toFixed(4), "none"]);
      assert.ok(sum < shiftMax, `${address}: ${JSON.stringify(shifts)}`);
      await page.context().close();
    }
  });
}

test("the observer of layout shifts sees one", async () => {
  const { page } = await fresh();
  await page.goto(`${desk.base}/wacht`, { waitUntil: "load" });
  const seen = await page.evaluate(() => new Promise((done) => {
    new PerformanceObserver((list) => done(list.getEntries().length)).observe({ type: "layout-shift", buffered: true });
    const pushed = document.createElement("p");
    pushed.textContent = "later";
    requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector(".triage").before(pushed)));
  }));
  assert.ok(seen > 0);
  await page.context().close();
});

for (const [name, line] of Object.entries(lines)) {
  test(`the queue is read and a report taken over ${name}`, async () => {
    const { page, session } = await fresh({ size: sizes.phone });
    await session.send("Network.emulateNetworkConditions", {
      offline: false, latency: line.latency, downloadThroughput: line.down / 8, uploadThroughput: line.up / 8,
    });
    const begun = performance.now();
    const took = () => `${Math.round(performance.now() - begun)} ms`;
    await page.goto(`${desk.base}/wacht`, { waitUntil: "commit" });
    const row = page.locator("#queue [data-row]").first();
    await row.waitFor({ state: "visible" });
    // Style sheets hold the first paint back; only what is painted can be read.
    const painted = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    const readable = `${Math.round(await painted.jsonValue())} ms`;
    const reference = await row.getAttribute("data-row");
    assert.ok((await page.locator("h1").innerText()).trim() && (await row.innerText()).trim(), "the queue can be read");
    await Promise.all([page.waitForURL(/open=/), row.click()]);
    const act = (name) => page.locator(`.minor form:has(input[name=act][value=${name}]) button`);
    await act("claim").click();
    await act("release").waitFor({ state: "visible" });
    const taken = took();
    console.log(`${name}: the queue after ${readable}, ${reference} taken after ${taken}`);
    figures.push([`${name}: first painted`, readable, "usable"], [`${name}: a report taken`, taken, "usable"]);
    await act("release").click();
    await act("claim").waitFor({ state: "visible" });
    assert.deepEqual(page.wrong, []);
    await page.context().close();
  });
}
