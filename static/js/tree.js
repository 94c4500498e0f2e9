/**
 * Which branch of a conversation's tree is shown. Pure.
 *
 * A turn `follows` a generation (null = the start). `choices` maps a parent (generation id, or
 * "start") to the turn shown under it, and a turn id to the generation shown for it. What nobody
 * chose falls to the branch on which something happened last.
 */

const START = "start";

/** Key of the place a turn stands at: turns with the same key are versions of one another. */
export function placeOf(turn) {
  return turn.follows ?? START;
}

function byPlace(turns) {
  const places = new Map();
  for (const turn of turns) {
    const key = placeOf(turn);
    if (!places.has(key)) places.set(key, []);
    places.get(key).push(turn);
  }
  return places;
}

/** The newest generation's turn and generation: the leaf that is shown when nothing is chosen. */
function newest(turns) {
  let best = null;
  for (const turn of turns) {
    for (const generation of turn.generations) {
      const created = generation.created ?? turn.created ?? "";
      if (best === null || created >= best.created) best = { turn, generation, created };
    }
  }
  return best;
}

/** Choices that lead from the start to one generation. */
export function choicesTo(turns, generationId) {
  const owner = new Map();
  for (const turn of turns) for (const { id } of turn.generations) owner.set(id, turn);
  const choices = new Map();
  let id = generationId;
  while (id && owner.has(id) && !choices.has(owner.get(id).id)) {
    const turn = owner.get(id);
    choices.set(turn.id, id);
    choices.set(placeOf(turn), turn.id);
    id = turn.follows;
  }
  return choices;
}

function pick(list, chosenId, fallbackId) {
  return list.find(({ id }) => id === chosenId) ?? list.find(({ id }) => id === fallbackId) ?? list.at(-1);
}

/**
 * The shown branch, oldest first: a list of `{turn, versions, generation}`. `versions` are all turns
 * at that place, oldest first; `generation` is null for a turn that has none yet.
 */
export function shownBranch(turns, choices = new Map()) {
  const places = byPlace(turns);
  const leaf = newest(turns);
  const fallback = leaf ? choicesTo(turns, leaf.generation.id) : new Map();
  const branch = [];
  let key = START;
  while (places.has(key)) {
    const versions = places.get(key);
    places.delete(key); // A cycle in bad data must not hang the page.
    const turn = pick(versions, choices.get(key), fallback.get(key));
    const generation = pick(turn.generations, choices.get(turn.id), fallback.get(turn.id)) ?? null;
    branch.push({ turn, versions, generation });
    if (!generation) break;
    key = generation.id;
  }
  return branch;
}

/** The generation that the next turn follows: the last shown one (null at the start). */
export function leafOf(branch) {
  return branch.at(-1)?.generation ?? null;
}
