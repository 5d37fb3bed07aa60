// What this browser keeps of a viewer's choices. Without storage they hold until the next reload.

export function keep(name, value) {
  try {
    if (value) localStorage.setItem(`edgehands-${name}`, value);
    else localStorage.removeItem(`edgehands-${name}`);
  } catch {
    // Private windows may refuse.
  }
}

export function kept(name) {
  try {
    return localStorage.getItem(`edgehands-${name}`) ?? "";
  } catch {
    return "";
  }
}
