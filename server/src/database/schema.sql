-- One text for SQLite and PostgreSQL: {SERIAL} and {BYTES} are what each calls them. Times are Unix milliseconds.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- seq is the order of arrival and the cursor of a listing.
CREATE TABLE items (
    seq {SERIAL},
    id TEXT NOT NULL UNIQUE,
    received_at BIGINT NOT NULL,
    sent_by TEXT NOT NULL,
    metadata TEXT NOT NULL,
    guess TEXT,
    crop_sha256 TEXT NOT NULL,
    crop_bytes BIGINT NOT NULL,
    crop_width BIGINT NOT NULL,
    crop_height BIGINT NOT NULL,
    embedder TEXT,
    embedding {BYTES},
    wanted BIGINT NOT NULL,
    state TEXT NOT NULL,
    label TEXT,
    sku TEXT,
    labelled_at BIGINT,
    leased_by TEXT,
    leased_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX items_by_state ON items (state, seq);
CREATE INDEX items_by_label ON items (sku, seq);

-- What each reviewer says of an item now; what they said before is in the audit.
CREATE TABLE opinions (
    seq {SERIAL},
    item TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    label TEXT NOT NULL,
    sku TEXT,
    given_at BIGINT NOT NULL,
    UNIQUE (item, reviewer)
);
CREATE INDEX opinions_by_reviewer ON opinions (reviewer, seq);

CREATE TABLE audit (
    seq {SERIAL},
    at BIGINT NOT NULL,
    token TEXT NOT NULL,
    name TEXT NOT NULL,
    item TEXT NOT NULL,
    action TEXT NOT NULL,
    before_label TEXT,
    before_sku TEXT,
    after_label TEXT,
    after_sku TEXT
);
CREATE INDEX audit_by_item ON audit (item, seq);

CREATE TABLE skus (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    container TEXT,
    barcode TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);

-- Each published index; the newest is the one in force.
CREATE TABLE indexes (
    seq {SERIAL},
    sha256 TEXT NOT NULL UNIQUE,
    embedder TEXT NOT NULL,
    skus TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT NOT NULL
);
