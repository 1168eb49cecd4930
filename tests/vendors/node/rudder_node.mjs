import Analytics from "@rudderstack/rudder-sdk-node";

import { sendVisit } from "./calls.mjs";
import { run } from "./visit.mjs";

await run(async ({ host, key, options, ...visit }) => {
    const client = new Analytics(key, {
        dataPlaneUrl: host,
        logLevel: "none",
        ...options,
    });
    sendVisit(client, visit);
    await client.flush();
});
