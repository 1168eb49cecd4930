// The common part of the Node drivers: the visit is their only argument, and they print
// the count of each event that they sent.

const { host, key, options, ...properties } = JSON.parse(process.argv[2]);
const sent = {};

/** Record *name* as sent, and return it. */
export function recordSent(name) {
    sent[name] = (sent[name] ?? 0) + 1;
    return name;
}

/** Let *drive* send the visit, and print the count of each event. */
export async function run(drive) {
    await drive({ host, key, options, ...properties });
    console.log(JSON.stringify(sent));
}
