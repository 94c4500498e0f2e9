/**
 * The output items of a generation, in the shape of the Responses API: `{type, id, status,
 * content|summary|…}`; finding the one an event speaks of, opening and closing items and parts.
 *
 * Real servers leave out `output_index`, `content_index` and `item_id`; an event then means the last
 * item of its kind, and when there is none yet it makes one.
 */

/** A fresh item of a type, with the lists that its events write into. */
function emptyItem(type, id) {
  const item = { type, status: "in_progress" };
  if (id) item.id = id;
  return withLists(item);
}

/** The lists an item of this type must have, and their fields, so that nobody has to ask. */
export function withLists(item) {
  if (item.type === "message") item.content = (item.content ?? []).map(normalPart);
  if (item.type === "reasoning") {
    item.summary = item.summary ?? [];
    item.content = item.content ?? [];
  }
  return item;
}

function findById(items, id) {
  for (let i = items.length - 1; i >= 0; i -= 1) if (items[i].id === id) return items[i];
  return null;
}

function lastOfType(items, type, from = 0) {
  for (let i = items.length - 1; i >= from; i -= 1) if (items[i].type === type) return items[i];
  return null;
}

/**
 * The item an event speaks of: by its id, else by its place in this round, else the last one of the
 * type, else a new one. After a snapshot the start of the round is unknown (`base` is null).
 */
export function itemFor(state, event, type) {
  const { items, base } = state;
  const known = event.item_id && findById(items, event.item_id);
  if (known) return known;
  if (base !== null && Number.isInteger(event.output_index)) {
    const item = items[base + event.output_index];
    if (item?.type === type && (!event.item_id || !item.id)) return item;
  }
  const last = lastOfType(items, type, base ?? 0);
  if (last && (!event.item_id || !last.id)) return last;
  const item = emptyItem(type, event.item_id);
  items.push(item);
  return item;
}

/**
 * The place of a part in a list: the event's own index; without one, or with one past the end, the
 * part in hand. A list without parts gets its first.
 */
function placeIn(list, index) {
  if (Number.isInteger(index) && index >= 0 && index <= list.length) return index;
  return Math.max(0, list.length - 1);
}

export function partFor(list, index, fresh) {
  const at = placeIn(list, index);
  if (at === list.length) list.push({ ...fresh });
  return list[at];
}

export function textPart() {
  return { type: "output_text", text: "", annotations: [] };
}

function normalPart(part) {
  if (part.type !== "output_text") return { ...part };
  return { ...textPart(), ...part, text: part.text ?? "", annotations: part.annotations ?? [] };
}

/** A closing event carries the whole text again; a server that leaves it out changes nothing. */
export function replaceText(holder, field, text) {
  if (typeof text === "string") holder[field] = text;
}

/** Open an item, or, on `done`, replace it by its final form. */
export function putItem(state, event) {
  if (!event.item?.type) return;
  const { items } = state;
  const given = event.item;
  let item = given.id ? findById(items, given.id) : null;
  if (!item && event.type.endsWith(".done")) {
    item = lastOfType(items, given.type, state.base ?? 0);
    if (item?.id && given.id) item = null;
  }
  if (!item) {
    items.push(withLists({ ...given }));
    return;
  }
  for (const name of Object.keys(item)) delete item[name];
  Object.assign(item, given);
  withLists(item);
}

export function putPart(state, event, listName, type) {
  if (!event.part?.type) return;
  const item = itemFor(state, event, type);
  const list = item[listName] ?? (item[listName] = []);
  const index = event.content_index ?? event.summary_index;
  const opens = event.type.endsWith(".added") && !Number.isInteger(index);
  list[opens ? list.length : placeIn(list, index)] = normalPart(event.part);
}
