// AG-UI's own client, as a chat has it: `node chat.mjs CLIENT_MODULE`, then a line of JSON with `url`, `headers` and
// `text`. Says yes to whatever waits for a person, and prints what each run ended with and all that was said.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { HttpAgent } = await import(pathToFileURL(process.argv[2]).href);
const [line] = await Array.fromAsync(createInterface({ input: process.stdin }));
const { url, headers, text } = JSON.parse(line);
const agent = new HttpAgent({ url, headers, initialMessages: [{ id: "m1", role: "user", content: text }] });
const outcomes = [];
for (let resume; ; ) {
  let waits = [];
  await agent.runAgent({ resume }, {
    onRunFinishedEvent: ({ outcome, interrupts = [] }) => {
      outcomes.push(outcome);
      waits = interrupts;
    },
    onRunErrorEvent: ({ event }) => outcomes.push(event.code),
  });
  if (!waits.length) break;
  resume = waits.map(({ id }) => ({ interruptId: id, status: "resolved", payload: { approved: true } }));
}
console.log(JSON.stringify({ outcomes, messages: agent.messages }));
