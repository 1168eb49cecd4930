// Medusa's real Analytics Module in a process of its own, told what to do line by line.
//
// In: {"start": options}, {"track": [data, …]}, {"identify": data}, {"shutdown": true}.
// Out: one line for each, {"done": true} or {"error": text}, and {"log": [level, text]}.
const path = require("node:path");
const readline = require("node:readline");

const [client] = process.argv.slice(2);
const ours = (name) => require(require.resolve(name, { paths: [client] }));
const { MedusaModule } = ours("@medusajs/framework/modules-sdk");
const { BigNumber, Modules } = ours("@medusajs/framework/utils");

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const levels = ["panic", "error", "warn", "info", "http", "verbose", "debug", "silly"];
const logger = Object.fromEntries(
  levels.map((level) => [level, (text) => say({ log: [level, String(text?.message ?? text)] })])
);

let analytics;

async function start(options) {
  MedusaModule.clearInstances();
  const loaded = await MedusaModule.bootstrap({
    moduleKey: Modules.ANALYTICS,
    defaultPath: require.resolve("@medusajs/analytics", { paths: [client] }),
    declaration: {
      scope: "internal",
      options: { providers: [{ resolve: client, id: "millpond", options }] },
    },
    injectedDependencies: { logger },
  });
  analytics = loaded[Modules.ANALYTICS];
}

// {"$big": "59.90"} stands for the value Medusa's own code would hold.
const revive = (_key, value) => (value?.$big ? new BigNumber(value.$big) : value);

const actions = {
  start,
  track: async (all) => {
    for (const data of all) await analytics.track(data);
  },
  identify: (data) => analytics.identify(data),
  shutdown: () => analytics.__hooks.onApplicationShutdown(),
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [[name, argument]] = Object.entries(JSON.parse(line, revive));
    try {
      await actions[name](argument);
      say({ done: true });
    } catch (error) {
      say({ error: error.message });
    }
  }
}

main();
