/** This package's version, for the ledger. A test holds it to package.json. */
export const PACKAGE_VERSION = '0.1.0'
