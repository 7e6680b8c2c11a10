// Every page of the demonstration, both languages, phone and desktop, light and dark, as pictures to look at:
// node tests/browser/screenshots.mjs [FOLDER], after `cargo build -p bolwerk`. Each run makes the folder anew.
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { browser, demo, language, sizes, visit } from "./harness.mjs";
import { addresses } from "./pages.mjs";

const folder = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "../../target/screenshots");
const heightMax = 6000; // px; what is longer repeats itself

/** A name for the picture that says which page it is, the same in every run. */
const named = (address) => address.replace(/[MI]-[0-9A-Z]{4}-[0-9A-Z]{4}/, "X").replace(/[^a-z0-9X]+/gi, "-").replace(/^-|-$/g, "") || "root";

rmSync(folder, { recursive: true, force: true });
const [desk, chromium] = await Promise.all([demo(), browser()]);
let made = 0;
try {
  const strangers = ["/aanmelden", "/melden"];
  for (const tag of ["nl", "en"]) {
    for (const size of Object.values(sizes)) {
      for (const colorScheme of ["light", "dark"]) {
        const to = join(folder, `${tag}-${size.width}-${colorScheme}`);
        mkdirSync(to, { recursive: true });
        const page = await visit(chromium, desk, { size, colorScheme });
        await language(page, desk, tag);
        for (const address of [...(await addresses(page, desk)), ...strangers]) {
          await page.goto(`${desk.base}${address}${strangers.includes(address) ? `?taal=${tag}` : ""}`, { waitUntil: "load" });
          const height = Math.min(await page.evaluate(() => document.documentElement.scrollHeight), heightMax);
          await page.screenshot({ path: join(to, `${named(address)}.png`), fullPage: true, clip: { x: 0, y: 0, width: size.width, height } });
          made++;
        }
        await page.context().close();
      }
    }
  }
} finally {
  await chromium.close();
  await desk.stop();
}
console.log(`${made} pictures in ${folder}`);
