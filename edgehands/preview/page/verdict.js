// What a viewer has to know first.

/** What is so, and what is known of why. */
const sentence = (...parts) => parts.filter(Boolean).join(" ");

/** [state of the chip, its word, what stands over the picture]. */
export function verdict({ locked, linkUp, state, node, camera }) {
  if (locked) return ["away", "locked", ""];
  if (!linkUp) return state ? ["away", "reconnecting", "The page's server is away. Trying again."] : ["waiting", "connecting", ""];
  if (!state) return ["waiting", "connecting", ""];
  const { broker } = state;
  if (!broker.connected) return ["away", "broker away", `The broker is away. Trying again. ${broker.trouble}`];
  if (!node) return ["waiting", "waiting", `Waiting for a node to publish to ${broker.address}.`];
  if (node.status === "offline") return ["offline", "offline", sentence(`${node.name} is offline.`, node.problem, camera?.problem)];
  if (camera?.status === "disabled" || camera?.enabled === "OFF") return ["waiting", "disabled", `Camera ${camera.name} is switched off.`];
  if (camera?.status === "offline") return ["offline", "camera offline", sentence(`Camera ${camera.name} is offline.`, camera.problem, node.problem)];
  if (node.status !== "online" && !camera?.rate) return ["waiting", "waiting", `${node.name} has not been heard yet.`];
  return ["live", "live", node.problem];
}
