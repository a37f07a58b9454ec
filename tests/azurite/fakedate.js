// Azurite's clock, moved by as many seconds as the file says: blobs that are written get that age.
const { readFileSync } = require("fs");
const Real = Date;
const now = () => Real.now() + 1000 * Number(readFileSync(process.env.AZURITE_CLOCK, "utf8") || 0);
global.Date = class extends Real {
  constructor(...given) { given.length ? super(...given) : super(now()); }
  static now() { return now(); }
};
