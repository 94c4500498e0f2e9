/** The model picker. A choice holds for its conversation; for new chats it is remembered. */
import { el, setChildren, setText } from "./dom.js";

const KEY = "chatsite.model";

/** The model to show as chosen. Pure: the first of the wishes that is offered. */
export function chosenModel(models, wishes) {
  const offered = new Set(models.map(({ id }) => id));
  return wishes.find((id) => offered.has(id)) ?? models[0]?.id ?? null;
}

/** "$0.25 in, $2.00 out for a million tokens", or "" when no price is known or it is free. */
export function priceWords(prices) {
  if (!prices || (Number(prices.input) === 0 && Number(prices.output) === 0)) return "";
  const [input, output] = [prices.input, prices.output].map((price) => `$${Number(price).toFixed(2)}`);
  return `${input} in, ${output} out for a million tokens`;
}

export class ModelPicker {
  /** `onChange()`: another model was chosen. */
  constructor(root, storage, onChange) {
    this.root = root;
    this.select = root.querySelector("select");
    this.single = root.querySelector("[data-role=single-model]");
    this.storage = storage;
    this.onChange = onChange;
    this.models = [];
    this.chosen = new Map();
    this.conversation = null;
    this.select.addEventListener("change", () => this._changed());
  }

  get value() {
    return this.select.value || null;
  }

  /** Chooses as the person would. */
  choose(id) {
    this.select.value = id;
    this._changed();
  }

  update(models, defaultModel, conversation) {
    this.conversation = conversation?.id ?? null;
    if (models !== this.models) {
      this.models = models;
      setChildren(this.select, models.map(({ id, label }) => el("option", { value: id }, label ?? id)));
    }
    const wishes = [this.chosen.get(this.conversation), conversation?.model, this._remembered(), defaultModel];
    const value = chosenModel(models, wishes);
    if (value && this.select.value !== value) this.select.value = value;
    this.select.parentElement.hidden = models.length < 2;
    this.single.hidden = models.length !== 1;
    if (models.length === 1) setText(this.single, models[0].label ?? models[0].id);
    this._describe();
  }

  _changed() {
    this.chosen.set(this.conversation, this.select.value);
    try {
      this.storage.setItem(KEY, this.select.value);
    } catch (error) {
      console.warn("chatsite: the model is not remembered", error);
    }
    this._describe();
    this.onChange();
  }

  _remembered() {
    try {
      return this.storage.getItem(KEY);
    } catch {
      return null;
    }
  }

  _describe() {
    const model = this.models.find(({ id }) => id === this.select.value);
    this.select.title = priceWords(model?.prices);
  }
}
