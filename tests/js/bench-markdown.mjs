/**
 * How much less work the incremental renderer does than drawing the whole answer again for each
 * delta. Both run side by side in one process on jsdom, so that the ratio is what counts:
 *
 *     node tests/js/bench-markdown.mjs
 */
import { longAnswer, LONG_BLOCKS, tokens } from "./support/answers.js";
import { document, rendered } from "./support/markdown.js";
import { MarkdownView } from "../../static/js/markdown/view.js";

// A frame of the site carries what came in about 40 ms: 4 tokens at 100 tokens/s.
const TOKENS_PER_FRAME = 4;

// Drawing the whole again takes minutes in all: every 50th time is measured and stands for 50.
const WHOLE_EVERY = 50;

function frames(text) {
  const parts = tokens(text);
  const joined = [];
  for (let at = 0; at < parts.length; at += TOKENS_PER_FRAME) joined.push(parts.slice(at, at + TOKENS_PER_FRAME).join(""));
  return joined;
}

/** Times of the appends in ms; with `every` > 1 the rest of them is taken from their neighbours. */
function measure(deltas, draw, every = 1) {
  const root = document.createElement("div");
  const view = new MarkdownView(root);
  const times = [];
  let text = "";
  deltas.forEach((delta, index) => {
    text += delta;
    if (index % every !== 0) return;
    const start = performance.now();
    draw(view, delta, text);
    times.push(performance.now() - start);
  });
  times.sort((one, other) => one - other);
  const total = times.reduce((sum, time) => sum + time, 0) * every;
  return { total, p99: times[Math.floor(times.length * 0.99)], longest: times.at(-1) };
}

const incremental = (view, delta) => view.append(delta);
const whole = (view, _delta, text) => view.set(text);
const ms = (time) => `${time.toFixed(1)} ms`;

function print(name, figures) {
  console.log(`  ${name.padEnd(12)} total ${ms(figures.total).padStart(11)}   p99 ${ms(figures.p99).padStart(9)}   longest ${ms(figures.longest).padStart(9)}`);
}

function compare(name, deltas) {
  const size = deltas.join("").length;
  console.log(`${name}: ${size} characters, ${deltas.length} appends`);
  const one = measure(deltas, incremental);
  const other = measure(deltas, whole, WHOLE_EVERY);
  print("incremental", one);
  print("whole", other);
  console.log(`  whole / incremental: ${(other.total / one.total).toFixed(1)}`);
}

const answer = tokens(longAnswer(40_000)).slice(0, 4_000).join("");
await rendered([answer]); // fetch the colours, warm up
measure(frames(answer), incremental);
compare("answer of 4,000 tokens, a token at a time", tokens(answer));
compare("answer of 4,000 tokens, 4 tokens a frame", frames(answer));
for (const [name, block] of Object.entries(LONG_BLOCKS)) compare(`one ${name}`, frames(block(16_000)));

const large = LONG_BLOCKS.code(200_000);
console.log(`one code block of ${large.length} characters, incremental only, ${frames(large).length} appends`);
print("incremental", measure(frames(large), incremental));
