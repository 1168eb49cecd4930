// Takes every address out of the lock files it is given: where packages come from is the
// affair of whoever installs them.
import { readFileSync, writeFileSync } from "node:fs";

for (const path of process.argv.slice(2)) {
  const lock = JSON.parse(readFileSync(path, "utf8"));
  for (const entry of Object.values(lock.packages)) {
    delete entry.resolved;
    delete entry.funding;
  }
  writeFileSync(path, JSON.stringify(lock, null, 2) + "\n");
}
