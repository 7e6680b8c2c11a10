// A demonstration desk and a browser. BOLWERK_BIN names the program; Debian's chromium is the browser.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const binary = process.env.BOLWERK_BIN ?? join(here, "../../target/debug/bolwerk");
export const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const sizes = { phone: { width: 360, height: 800 }, desktop: { width: 1440, height: 1000 } };
const patienceMs = 60_000;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export async function until(what, condition) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await wait(25);
  }
}

/** Starts the program and waits for its ready file; `link` is the one-click link of a demonstration. */
async function start(command, more) {
  const folder = mkdtempSync(join(tmpdir(), "bolwerk-browser-"));
  const ready = join(folder, "ready.json");
  const child = spawn(binary, [command, "--http", "127.0.0.1:0", "--ready-file", ready, ...more(folder)], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (said += data));
  const addresses = await until(`${command} is ready`, () => {
    if (child.exitCode !== null) throw new Error(said);
    try { return JSON.parse(readFileSync(ready, "utf8")); } catch { return null; }
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await new Promise((done) => (child.exitCode === null && child.signalCode === null ? child.once("exit", done) : done()));
    rmSync(folder, { recursive: true, force: true });
  };
  return { base: `http://${addresses.http}`, smtp: addresses.smtp, folder, said: () => said, stop };
}

export async function demo() {
  const desk = await start("demo", (folder) => ["--keep", join(folder, "data")]);
  desk.link = await until("the link is printed", () => desk.said().match(/http:\S+\/demo\?code=\S+/)?.[0]);
  return desk;
}

export const mailbox = "cyberresponse@team.example";

/** A desk of one's own: empty, with mail coming in. */
export async function serve() {
  const desk = await start("serve", (folder) => ["--data", join(folder, "data"), "--smtp", "127.0.0.1:0", "--address", mailbox]);
  desk.code = await until("the code is printed", () => desk.said().match(/works once: (\S+)/)?.[1]);
  return desk;
}

/** First run as its user goes through it; the page ends signed in. */
export async function firstRun(page, desk) {
  await page.goto(desk.base);
  await page.fill("[name=code]", desk.code);
  const fill = async (name, value) => { if (await page.locator(`[name=${name}]`).count()) await page.fill(`[name=${name}]`, value); };
  for (let step = 0; step < 4 && page.url().includes("first-run"); step++) {
    await fill("organisation", "Team"); await fill("address", "cyberresponse@team.example"); await fill("phone", "02 000 00 00");
    await fill("name", "Wacht Een"); await fill("login", "een"); await fill("password", "een lang wachtwoord 42"); await fill("again", "een lang wachtwoord 42");
    if (page.url().includes("nazicht")) break;
    await Promise.all([page.waitForNavigation(), page.locator("main button").first().click()]);
  }
}

/** Sends one mail by SMTP. */
export function send(smtp, from, raw) {
  const [host, port] = [smtp.slice(0, smtp.lastIndexOf(":")), Number(smtp.slice(smtp.lastIndexOf(":") + 1))];
  const content = raw.replace(/\r?\n/g, "\r\n").replace(/^\./gm, "..");
  const lines = [`EHLO client.example`, `MAIL FROM:<${from}>`, `RCPT TO:<${mailbox}>`, "DATA", `${content}\r\n.`, "QUIT"];
  return new Promise((done, failed) => {
    const socket = connect(port, host);
    let text = "";
    socket.on("error", failed);
    socket.on("data", (data) => {
      text += data;
      while (text.includes("\r\n")) {
        const line = text.slice(0, text.indexOf("\r\n"));
        text = text.slice(line.length + 2);
        if (line[3] === "-") continue;
        if (line[0] >= "4") return failed(new Error(line));
        if (line.startsWith("221")) return done();
        socket.write(`${lines.shift()}\r\n`);
      }
    });
  });
}

export const browser = () => chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

/** A page that is signed in, and that notes whatever goes wrong in it. */
export async function visit(browser, desk, options = {}) {
  const { size = sizes.desktop, ...context } = options;
  const opened = await browser.newContext({ viewport: size, locale: "nl-BE", ...context });
  const page = await opened.newPage();
  page.wrong = [];
  page.on("console", (message) => { if (message.type() === "error") page.wrong.push(message.text()); });
  page.on("pageerror", (error) => page.wrong.push(String(error)));
  page.on("dialog", (dialog) => { page.wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!request.url().startsWith(desk.base) && !request.url().startsWith("data:")) page.wrong.push(`asked ${request.url()}`); });
  if (desk.link) await page.goto(desk.link);
  return page;
}

/** Chooses the language of whoever is signed in. */
export async function language(page, desk, tag) {
  await page.goto(`${desk.base}/instellingen`);
  await page.selectOption("select[name=language]", tag);
  await Promise.all([page.waitForNavigation(), page.locator("form:has(select[name=language]) button[type=submit], form:has(select[name=language]) button:not([type])").first().click()]);
}

/** Violations of WCAG 2.2 AA that axe finds, a line each. */
export async function axe(page) {
  // The page's own policy forbids foreign scripts, so axe comes in by the debugger's door.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axeSource });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    awaitPromise: true,
    returnByValue: true,
    expression: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], iframes: false })
      .then((found) => found.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.failureSummary || "").split("\\n")[1]).join(" | ")))`,
  });
  await session.detach();
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
