// What is said of a practice answer, and of all of them together.

const percent = (share) => `${(100 * share).toFixed(1)} % of palm size`;

export function summary(all) {
  const errors = all.filter((m) => m.error !== null).map((m) => m.error);
  const mean = errors.reduce((a, b) => a + b, 0) / Math.max(errors.length, 1);
  const count = (key) => all.reduce((a, m) => a + m[key], 0);
  return `Your mark: ${percent(mean)} off on average (under 3 % is good), ${count("missed")} hands missed, ` +
    `${count("false_hands")} marked where none is, ${count("wrong_side")} with the wrong side.`;
}

export function markText(mark) {
  const parts = mark.error === null ? [] : [`${percent(mark.error)} off`];
  if (mark.missed) parts.push("a hand was missed");
  if (mark.false_hands) parts.push("a hand too many");
  if (mark.wrong_side) parts.push("the wrong side");
  return parts.join(", ");
}
