// Starts aimock on a free loopback port with a few answers, chosen by a word in the user's text.
// The first line printed is its URL. It ends when its standard input does.
import { LLMock } from "@copilotkit/aimock";

const TEXT = "Grüße aus aimock: **fett**, `code` und 世界 😀.";
const mock = new LLMock({ port: 0, host: "127.0.0.1", chunkSize: 4 });

// The first that fits wins, so the longer words come first.
mock.onMessage("please stream slowly", { content: TEXT }, { streamingProfile: { ttft: 50, tps: 50 } });
// Without `usage` aimock reports zeros.
const usage = { input_tokens: 11, output_tokens: 12, total_tokens: 23 };
mock.onMessage("please stream", { content: TEXT, usage });
mock.onMessage("please think", { content: "Four.", reasoning: "Two and two make four." });
mock.onMessage("please call", {
  toolCalls: [{ id: "call_dice", name: "roll_dice", arguments: '{"sides":6}' }],
});
mock.onMessage("too many", {
  error: { message: "Slow down.", type: "rate_limit_error", code: "rate_limit_exceeded" },
  status: 429,
});
// Paced, because what is written in the same instant as the cut is lost with it.
const beforeCut = { truncateAfterChunks: 8, streamingProfile: { ttft: 10, tps: 100 } };
mock.onMessage("please cut", { content: TEXT }, beforeCut);
mock.onModerate("forbidden", { flagged: true, categories: { violence: true } });
mock.onModerate(/.*/, { flagged: false, categories: {} });

await mock.start();
console.log(mock.url);
process.stdin.resume();
process.stdin.on("end", async () => {
  await mock.stop();
  process.exit(0);
});
