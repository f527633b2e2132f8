// Makes unreadable, for a screenshot, what must not be seen in this frame: what is
// in password fields, and whatever shows one of the secrets. Where there are any,
// what a script may have drawn cannot be read, so it is not seen either; `vectors`
// are addresses of images that show one. Only styles change, and show.js puts them back.
({ secrets, vectors }) => {
  const SHORTEST = 3; // characters: shorter ones are looked for as whole values only
  const BEGUN = 2; // characters of a secret that is only being typed
  const STYLES = {
    "color": "transparent",
    "-webkit-text-fill-color": "transparent",
    "-webkit-text-stroke-color": "transparent",
    "fill": "transparent",
    "stroke": "transparent",
    "text-shadow": "none",
    "transition": "none",
  };
  const UNREADABLE = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE"]);
  const findable = secrets.filter((secret) => secret.length >= SHORTEST);
  const holds = (text) => Boolean(text) && (
    secrets.includes(text.trim()) || findable.some((secret) => text.includes(secret)));
  const typing = (text) => holds(text) || (text.length >= BEGUN
    && secrets.some((secret) => secret.startsWith(text)));

  const changed = (window.__prober_hidden ??= new Map());
  const change = (element, styles) => {
    if (!element.style) return;
    if (!changed.has(element)) changed.set(element, element.getAttribute("style"));
    for (const [name, value] of Object.entries(styles)) {
      element.style.setProperty(name, value, "important");
    }
  };
  const hide = (element, wholly) =>
    change(element, wholly ? { ...STYLES, visibility: "hidden" } : STYLES);
  const hideAll = (element) => {
    hide(element, false);
    for (const inner of element.querySelectorAll("*")) hide(inner, false);
  };

  const own = (node) => [...node.childNodes]
    .filter((child) => child.nodeType === Node.TEXT_NODE)
    .map((child) => child.data).join("");
  const texts = (node) => { // the smallest elements that show a secret
    if (UNREADABLE.has(node.nodeName) || !holds(node.textContent)) return;
    const inner = [...node.children].filter((child) => holds(child.textContent));
    inner.forEach(texts);
    if (!inner.length || holds(own(node))) hideAll(node.host ?? node);
  };
  const field = (element) => {
    if (element.type === "password" || typing(element.value ?? "")) hide(element, false);
  };
  const attributes = (element) => ["placeholder", "alt", "label", "value"]
    .some((name) => holds(element.getAttribute(name)));

  const IMAGES = ["background-image", "border-image-source", "list-style-image", "mask-image"];
  const PLAIN = new Set(["", "none", "normal"]);
  const shows = (address) =>
    /^(data|blob):/i.test(address) || vectors.includes(address.split("#")[0]) || holds(address);
  const inStyle = (style) => !PLAIN.has(style)
    && [...style.matchAll(/url\("((?:[^"\\]|\\.)*)"\)/g)]
      .some(([, address]) => shows(address.replace(/\\(.)/g, "$1")));
  const whole = (address) => {
    try {
      return new URL(address, document.baseURI).href;
    } catch {
      return address;
    }
  };
  const isDrawn = (element) => {
    switch (element.localName) {
      case "canvas": case "video": return true;
      case "img": return shows(element.currentSrc || element.src);
      case "input": return element.type === "image" && shows(element.src);
      case "embed": return shows(element.src);
      case "object": return shows(element.data);
      case "image": return shows(whole(element.href?.baseVal ?? ""));
      default: return false;
    }
  };
  const drawn = (element) => {
    const styles = getComputedStyle(element);
    if (isDrawn(element) || inStyle(styles.content)) hide(element, true);
    const images = IMAGES.filter((name) => inStyle(styles.getPropertyValue(name)));
    const without = images.map((name) => [name, "none"]);
    if (images.length) change(element, { ...Object.fromEntries(without), transition: "none" });
  };
  const visit = (root) => {
    texts(root);
    for (const element of root.querySelectorAll("*")) {
      if (element.matches("input, textarea")) field(element);
      if (attributes(element)) hide(element, !element.matches("[type=password]"));
      if (secrets.length) drawn(element);
      if (element.matches("select") && holds(element.textContent)) hide(element, true);
      if (element.shadowRoot) visit(element.shadowRoot);
    }
  };
  if (document.documentElement) {
    texts(document.documentElement);
    visit(document);
  }
  return changed.size;
}
