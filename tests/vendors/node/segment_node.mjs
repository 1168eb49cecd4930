import { Analytics } from "@segment/analytics-node";

import { sendVisit } from "./calls.mjs";
import { run } from "./visit.mjs";

await run(async ({ host, key, options, ...visit }) => {
    // The client ignores the path of its host.
    const path = `${new URL(host).pathname.replace(/\/$/, "")}/v1/batch`;
    const client = new Analytics({ writeKey: key, host, path, maxEventsInBatch: 100, ...options });
    sendVisit(client, visit);
    await client.closeAndFlush();
});
