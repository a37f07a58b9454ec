CREATE TABLE public.attempts (
    number integer NOT NULL,
    letter integer NOT NULL,
    channel character varying(20) NOT NULL,
    transport character varying(20) NOT NULL,
    wire_id text NOT NULL,
    recipients text NOT NULL,
    began_at character varying(32) NOT NULL,
    until character varying(32) NOT NULL,
    handed_at character varying(32),
    receipt text NOT NULL,
    ended_at character varying(32),
    outcome character varying(20) NOT NULL,
    said text NOT NULL
);
CREATE SEQUENCE public.attempts_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.attempts_number_seq OWNED BY public.attempts.number;
CREATE TABLE public.audit (
    number integer NOT NULL,
    at character varying(32) NOT NULL,
    who character varying(200) NOT NULL,
    what text NOT NULL,
    resource_id text NOT NULL,
    why text NOT NULL,
    evidence text NOT NULL,
    intent integer,
    keyed boolean NOT NULL,
    previous character varying(64) NOT NULL,
    hash character varying(64) NOT NULL
);
CREATE TABLE public.events (
    number integer NOT NULL,
    finding integer NOT NULL,
    at character varying(32) NOT NULL,
    who character varying(200) NOT NULL,
    before character varying(20) NOT NULL,
    after character varying(20) NOT NULL,
    why text NOT NULL,
    digest character varying(200) NOT NULL
);
CREATE SEQUENCE public.events_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_number_seq OWNED BY public.events.number;
CREATE TABLE public.events_seen (
    id character varying(400) NOT NULL,
    kind character varying(200) NOT NULL,
    subject text NOT NULL,
    at character varying(32) NOT NULL,
    seen_at character varying(32) NOT NULL,
    handled_at character varying(32)
);
CREATE TABLE public.findings (
    number integer NOT NULL,
    rule character varying(200) NOT NULL,
    resource text NOT NULL,
    resource_id text NOT NULL,
    generation text NOT NULL,
    fingerprint character varying(200) NOT NULL,
    digest character varying(200) NOT NULL,
    action character varying(200) NOT NULL,
    why text NOT NULL,
    evidence text NOT NULL,
    owner text NOT NULL,
    risk character varying(20) NOT NULL,
    monthly_cost character varying(60) NOT NULL,
    saving character varying(60) NOT NULL,
    amount bigint,
    currency character varying(10) NOT NULL,
    dependents text NOT NULL,
    not_checked text NOT NULL,
    grace_days integer NOT NULL,
    quiet text NOT NULL,
    status character varying(20) NOT NULL,
    alive boolean NOT NULL,
    note text NOT NULL,
    first_at character varying(32) NOT NULL,
    last_at character varying(32) NOT NULL,
    changed_at character varying(32) NOT NULL,
    runs integer NOT NULL,
    round integer NOT NULL,
    asked_at character varying(32),
    due_at character varying(32),
    expires_at character varying(32),
    approved_until character varying(32),
    snoozed_until character varying(32),
    quiet_until character varying(32),
    restorable_until character varying(32),
    tombstone text,
    requester character varying(200) NOT NULL,
    version integer NOT NULL
);
CREATE SEQUENCE public.findings_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.findings_number_seq OWNED BY public.findings.number;
CREATE TABLE public.finops_schema (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.intents (
    number integer NOT NULL,
    run character varying(64) NOT NULL,
    resource_id text NOT NULL,
    workspace text NOT NULL,
    generation text,
    api_version character varying(40) NOT NULL,
    action character varying(200) NOT NULL,
    rule character varying(200) NOT NULL,
    why text NOT NULL,
    who character varying(200) NOT NULL,
    decision text NOT NULL,
    evidence text NOT NULL,
    afterwards text NOT NULL,
    saving character varying(60) NOT NULL,
    opened_at character varying(32) NOT NULL,
    outcome character varying(40),
    outcome_why text,
    closed_at character varying(32)
);
CREATE SEQUENCE public.intents_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.intents_number_seq OWNED BY public.intents.number;
CREATE TABLE public.keepsakes (
    key text NOT NULL,
    value text NOT NULL,
    kept_at character varying(32) NOT NULL
);
CREATE TABLE public.leases (
    name character varying(100) NOT NULL,
    owner character varying(200) NOT NULL,
    fence integer NOT NULL,
    until character varying(32) NOT NULL,
    taken_at character varying(32) NOT NULL
);
CREATE TABLE public.letters (
    number integer NOT NULL,
    message_id text NOT NULL,
    kind character varying(100) NOT NULL,
    subject text NOT NULL,
    link text NOT NULL,
    content bytea NOT NULL,
    put_at character varying(32) NOT NULL
);
CREATE SEQUENCE public.letters_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.letters_number_seq OWNED BY public.letters.number;
CREATE TABLE public.recipients (
    number integer NOT NULL,
    letter integer NOT NULL,
    channel character varying(20) NOT NULL,
    address text NOT NULL,
    status character varying(20) NOT NULL,
    tries integer NOT NULL,
    alone boolean NOT NULL,
    due_at character varying(32),
    ended_at character varying(32),
    note text NOT NULL
);
CREATE SEQUENCE public.recipients_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.recipients_number_seq OWNED BY public.recipients.number;
CREATE TABLE public.runs (
    number integer NOT NULL,
    job character varying(100) NOT NULL,
    slot character varying(32) NOT NULL,
    first_slot character varying(32) NOT NULL,
    slots integer NOT NULL,
    asked character varying(20) NOT NULL,
    run character varying(64) NOT NULL,
    owner character varying(200) NOT NULL,
    fence integer NOT NULL,
    began_at character varying(32) NOT NULL,
    ended_at character varying(32),
    outcome character varying(20) NOT NULL,
    why text NOT NULL,
    said text NOT NULL,
    counts text NOT NULL
);
CREATE SEQUENCE public.runs_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.runs_number_seq OWNED BY public.runs.number;
CREATE TABLE public.sightings (
    what character varying(200) NOT NULL,
    resource text NOT NULL,
    fingerprint character varying(200) NOT NULL,
    first_at character varying(32) NOT NULL,
    last_at character varying(32) NOT NULL
);
CREATE TABLE public.tellings (
    key text NOT NULL,
    told_at character varying(32) NOT NULL
);
CREATE TABLE public.votes (
    number integer NOT NULL,
    finding integer NOT NULL,
    oid character varying(200) NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    says character varying(20) NOT NULL,
    digest character varying(200) NOT NULL,
    why text NOT NULL,
    at character varying(32) NOT NULL,
    until character varying(32) NOT NULL,
    ended text NOT NULL
);
CREATE SEQUENCE public.votes_number_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.votes_number_seq OWNED BY public.votes.number;
ALTER TABLE ONLY public.attempts ALTER COLUMN number SET DEFAULT nextval('public.attempts_number_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN number SET DEFAULT nextval('public.events_number_seq'::regclass);
ALTER TABLE ONLY public.findings ALTER COLUMN number SET DEFAULT nextval('public.findings_number_seq'::regclass);
ALTER TABLE ONLY public.intents ALTER COLUMN number SET DEFAULT nextval('public.intents_number_seq'::regclass);
ALTER TABLE ONLY public.letters ALTER COLUMN number SET DEFAULT nextval('public.letters_number_seq'::regclass);
ALTER TABLE ONLY public.recipients ALTER COLUMN number SET DEFAULT nextval('public.recipients_number_seq'::regclass);
ALTER TABLE ONLY public.runs ALTER COLUMN number SET DEFAULT nextval('public.runs_number_seq'::regclass);
ALTER TABLE ONLY public.votes ALTER COLUMN number SET DEFAULT nextval('public.votes_number_seq'::regclass);
INSERT INTO public.attempts VALUES (1, 1, 'mail', 'smtp', '<1.1@x>', '[1]', '2026-11-23T06:00:00.000000+00:00', '2026-11-24T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', '', '2026-11-23T06:00:00.000000+00:00', 'sent', '250');
INSERT INTO public.attempts VALUES (2, 2, 'mail', 'smtp', '<2.1@x>', '[2]', '2026-11-23T06:00:00.000000+00:00', '2026-11-24T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', '', '2026-11-23T06:00:00.000000+00:00', 'sent', '250');
INSERT INTO public.attempts VALUES (3, 3, 'mail', 'smtp', '<3.1@x>', '[3]', '2026-11-23T06:00:00.000000+00:00', '2026-11-24T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', '', '2026-11-23T06:00:00.000000+00:00', 'sent', '250');
INSERT INTO public.audit VALUES (1, '2026-11-23T06:00:00.000000+00:00', 'finops', 'finding found', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'Found.', '{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000001","evidence":{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]},"finding":1,"rule":"silent-endpoint"}', NULL, false, '0000000000000000000000000000000000000000000000000000000000000000', '1676abad46da4a373b5d80e924ae87f362fd8640c38e0d86f9bff02991863980');
INSERT INTO public.audit VALUES (2, '2026-11-23T06:00:00.000000+00:00', 'finops', 'finding pending', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'Asked.', '{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}', NULL, false, '1676abad46da4a373b5d80e924ae87f362fd8640c38e0d86f9bff02991863980', '453123272d8e93d1ca97de7635559d9146517cc38df616d0cc91876feebc1a07');
INSERT INTO public.audit VALUES (3, '2026-11-23T06:00:00.000000+00:00', 'Ada', 'finding approved', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'Yes.', '{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}', NULL, false, '453123272d8e93d1ca97de7635559d9146517cc38df616d0cc91876feebc1a07', '70a79b7110879d8cd6449a47cad8f816ed4fd80fc0bcb71abb28f47a2ce638c8');
INSERT INTO public.audit VALUES (4, '2026-11-23T06:00:00.000000+00:00', 'finops', 'will delete', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'unused', '{"record":1}', 1, false, '70a79b7110879d8cd6449a47cad8f816ed4fd80fc0bcb71abb28f47a2ce638c8', '0bc8a5b46ddcc8ba03b58394954a19692ad2665931b612b8e47d654f6e2390a7');
INSERT INTO public.audit VALUES (5, '2026-11-23T06:00:00.000000+00:00', 'finops', 'done', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'read back', '{}', 1, false, '0bc8a5b46ddcc8ba03b58394954a19692ad2665931b612b8e47d654f6e2390a7', '4fdf2bf62f920ae065207af9bc93311a863a871f4bf9d756078d3c1cf9c680a3');
INSERT INTO public.audit VALUES (6, '2026-11-23T06:00:00.000000+00:00', 'finops', 'finding found', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'Found.', '{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000002","evidence":{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]},"finding":2,"rule":"silent-endpoint"}', NULL, false, '4fdf2bf62f920ae065207af9bc93311a863a871f4bf9d756078d3c1cf9c680a3', 'd332b615339879b7c3b08a4f18a4667a42af12755bef0933c4cbb647c3566598');
INSERT INTO public.audit VALUES (7, '2026-11-23T06:00:00.000000+00:00', 'finops', 'finding pending', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'Asked.', '{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}', NULL, false, 'd332b615339879b7c3b08a4f18a4667a42af12755bef0933c4cbb647c3566598', 'ba119be7d5dd0fa0e4ae3b93da26ad26ae59bc3bca7e06a4cd85133733d483b9');
INSERT INTO public.audit VALUES (8, '2026-11-23T06:00:00.000000+00:00', 'Ada', 'finding approved', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'Yes.', '{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}', NULL, false, 'ba119be7d5dd0fa0e4ae3b93da26ad26ae59bc3bca7e06a4cd85133733d483b9', '0de57a80f191241767fc973f30ab2176adc102591f8b9e0a79d06fbab6256204');
INSERT INTO public.audit VALUES (9, '2026-11-23T06:00:00.000000+00:00', 'finops', 'will delete', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'unused', '{"record":2}', 2, false, '0de57a80f191241767fc973f30ab2176adc102591f8b9e0a79d06fbab6256204', '4d169064a3601b886595fa80d20f2274887c391a3e4efd33d42bba61d62a0828');
INSERT INTO public.audit VALUES (10, '2026-11-23T06:00:00.000000+00:00', 'finops', 'done', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'read back', '{}', 2, false, '4d169064a3601b886595fa80d20f2274887c391a3e4efd33d42bba61d62a0828', 'beee3232aba02f2e6de89c150490c5609dc3afbd7b78d33d5f8e4dbede1504f0');
INSERT INTO public.audit VALUES (11, '2026-11-23T06:00:00.000000+00:00', 'finops', 'finding found', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'Found.', '{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000003","evidence":{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]},"finding":3,"rule":"silent-endpoint"}', NULL, false, 'beee3232aba02f2e6de89c150490c5609dc3afbd7b78d33d5f8e4dbede1504f0', 'b6c9d17e1aa41bedfa759deb906cc23a06fad3ce772787127584d64a1bd00cb5');
INSERT INTO public.audit VALUES (12, '2026-11-23T06:00:00.000000+00:00', 'finops', 'finding pending', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'Asked.', '{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}', NULL, false, 'b6c9d17e1aa41bedfa759deb906cc23a06fad3ce772787127584d64a1bd00cb5', '5b3bce27de217d1390f23e22e904f6b95ef9f39251709723239d47a8e5a833df');
INSERT INTO public.audit VALUES (13, '2026-11-23T06:00:00.000000+00:00', 'Ada', 'finding approved', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'Yes.', '{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}', NULL, false, '5b3bce27de217d1390f23e22e904f6b95ef9f39251709723239d47a8e5a833df', 'a12d156e7bf0cb101e81b81217860a87cfcf2c87c3f361bfda1774004deb3379');
INSERT INTO public.audit VALUES (14, '2026-11-23T06:00:00.000000+00:00', 'finops', 'will delete', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'unused', '{"record":3}', 3, false, 'a12d156e7bf0cb101e81b81217860a87cfcf2c87c3f361bfda1774004deb3379', 'dd90849e938fa013ecd5201c3bae12a2025c73098212ca171853d96170403e39');
INSERT INTO public.audit VALUES (15, '2026-11-23T06:00:00.000000+00:00', 'finops', 'done', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'read back', '{}', 3, false, 'dd90849e938fa013ecd5201c3bae12a2025c73098212ca171853d96170403e39', 'cb384049045f023a57e1b074f2fbe379bc43e4aedb6189f4ac37ad4e846edf94');
INSERT INTO public.audit VALUES (16, '2026-11-23T06:00:00.000000+00:00', 'guard', 'will tag', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', 'No CostCenter – Grüße', '{}', 4, false, 'cb384049045f023a57e1b074f2fbe379bc43e4aedb6189f4ac37ad4e846edf94', 'd120223ac27e06fc6c47847f70a26e0bad250ab24243a9b7b191c66855f9cd57');
INSERT INTO public.events VALUES (1, 1, '2026-11-23T06:00:00.000000+00:00', 'finops', '', 'found', 'Found.', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.events VALUES (2, 1, '2026-11-23T06:00:00.000000+00:00', 'finops', 'found', 'pending', 'Asked.', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.events VALUES (3, 1, '2026-11-23T06:00:00.000000+00:00', 'Ada', 'pending', 'approved', 'Yes.', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.events VALUES (4, 2, '2026-11-23T06:00:00.000000+00:00', 'finops', '', 'found', 'Found.', '0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.events VALUES (5, 2, '2026-11-23T06:00:00.000000+00:00', 'finops', 'found', 'pending', 'Asked.', '0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.events VALUES (6, 2, '2026-11-23T06:00:00.000000+00:00', 'Ada', 'pending', 'approved', 'Yes.', '0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.events VALUES (7, 3, '2026-11-23T06:00:00.000000+00:00', 'finops', '', 'found', 'Found.', '0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO public.events VALUES (8, 3, '2026-11-23T06:00:00.000000+00:00', 'finops', 'found', 'pending', 'Asked.', '0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO public.events VALUES (9, 3, '2026-11-23T06:00:00.000000+00:00', 'Ada', 'pending', 'approved', 'Yes.', '0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO public.events_seen VALUES ('e2', 'Microsoft.Resources.ResourceDeleteSuccess', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/Grüße', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', NULL);
INSERT INTO public.events_seen VALUES ('e1', 'Microsoft.Resources.ResourceWriteSuccess', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', '2026-11-23T05:59:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.findings VALUES (1, 'silent-endpoint', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', '2026-01-01T00:00:01+00:00', 'f1', '0000000000000000000000000000000000000000000000000000000000000001', 'delete', 'Nobody calls it.', '{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]}', 'ada@example.com', 'low', '120.50', '118.25', 118250000, 'USD', '[]', '["quota"]', 3, 'null', 'approved', true, 'Yes.', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', 1, 0, '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', NULL, '2026-11-30T06:00:00.000000+00:00', NULL, NULL, NULL, NULL, '', 3);
INSERT INTO public.findings VALUES (2, 'silent-endpoint', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e2', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', '2026-01-01T00:00:02+00:00', 'f2', '0000000000000000000000000000000000000000000000000000000000000002', 'delete', 'Nobody calls it.', '{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]}', 'ada@example.com', 'low', '120.50', '118.25', 118250000, 'USD', '[]', '["quota"]', 3, 'null', 'approved', true, 'Yes.', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', 1, 0, '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', NULL, '2026-11-30T06:00:00.000000+00:00', NULL, NULL, NULL, NULL, '', 3);
INSERT INTO public.findings VALUES (3, 'silent-endpoint', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e3', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', '2026-01-01T00:00:03+00:00', 'f3', '0000000000000000000000000000000000000000000000000000000000000003', 'delete', 'Nobody calls it.', '{"facts":{"idleNodesLast7Days":{"value":2}},"lines":["0 requests in 14 days \u2013 none"]}', 'ada@example.com', 'low', '120.50', '118.25', 118250000, 'USD', '[]', '["quota"]', 3, 'null', 'approved', true, 'Yes.', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', 1, 0, '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', NULL, '2026-11-30T06:00:00.000000+00:00', NULL, NULL, NULL, NULL, '', 3);
INSERT INTO public.finops_schema VALUES ('0004');
INSERT INTO public.intents VALUES (1, 'run-1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-1', '2026-01-01T00:00:01+00:00', '2024-10-01', 'delete', 'silent-endpoint', 'unused', 'finops', 'approved', '{"record":1}', 'null', '118.25', '2026-11-23T06:00:00.000000+00:00', 'done', 'read back', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.intents VALUES (2, 'run-2', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-2', '2026-01-01T00:00:02+00:00', '2024-10-01', 'delete', 'silent-endpoint', 'unused', 'finops', 'approved', '{"record":2}', 'null', '118.25', '2026-11-23T06:00:00.000000+00:00', 'done', 'read back', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.intents VALUES (3, 'run-3', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-3', '2026-01-01T00:00:03+00:00', '2024-10-01', 'delete', 'silent-endpoint', 'unused', 'finops', 'approved', '{"record":3}', 'null', '118.25', '2026-11-23T06:00:00.000000+00:00', 'done', 'read back', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.intents VALUES (4, 'guard-1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w-c1', 'g', '2024-10-01', 'tag', 'cost-center', 'No CostCenter – Grüße', 'guard', 'enforce', '{}', '{"tags":{"Team":"Gr\u00fc\u00dfe"}}', '', '2026-11-23T06:00:00.000000+00:00', NULL, NULL, NULL);
INSERT INTO public.keepsakes VALUES ('kept/1', '{"body":{"name":"Gr\u00fc\u00dfe 1"}}', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.keepsakes VALUES ('kept/2', '{"body":{"name":"Gr\u00fc\u00dfe 2"}}', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.keepsakes VALUES ('kept/3', '{"body":{"name":"Gr\u00fc\u00dfe 3"}}', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.keepsakes VALUES ('guard/owed/c1', '{"body":{"name":"c1","tags":{"Team":"Gr\u00fc\u00dfe"}}}', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.leases VALUES ('daemon', 'host process 7 1a2b3c4d', 1, '2026-11-23T18:06:13.690009+00:00', '2026-11-23T18:05:33.690009+00:00');
INSERT INTO public.letters VALUES (1, '<1@x>', 'weekly', 'What it cost', '', '\x00ff4d61696c', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.letters VALUES (2, '<2@x>', 'weekly', 'What it cost', '', '\x00ff4d61696c', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.letters VALUES (3, '<3@x>', 'weekly', 'What it cost', '', '\x00ff4d61696c', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.recipients VALUES (1, 1, 'mail', 'a@x', 'sent', 1, false, NULL, '2026-11-23T06:00:00.000000+00:00', '');
INSERT INTO public.recipients VALUES (2, 2, 'mail', 'a@x', 'sent', 1, false, NULL, '2026-11-23T06:00:00.000000+00:00', '');
INSERT INTO public.recipients VALUES (3, 3, 'mail', 'a@x', 'sent', 1, false, NULL, '2026-11-23T06:00:00.000000+00:00', '');
INSERT INTO public.runs VALUES (1, 'ingest', '2026-11-23T04:30:00.000000+00:00', '2026-11-23T04:30:00.000000+00:00', 1, '', 'ingest-1', 'host process 7 1a2b3c4d', 1, '2026-11-23T04:30:00.000000+00:00', '2026-11-23T04:40:00.000000+00:00', 'done', '', '["Charges until 21 November \u2013 42 rows."]', '{"charges":42,"seconds":1.5}');
INSERT INTO public.runs VALUES (2, 'guard', '2026-11-23T05:45:00.000000+00:00', '2026-11-23T05:45:00.000000+00:00', 1, '', 'guard-1', 'host process 7 1a2b3c4d', 1, '2026-11-23T05:45:00.000000+00:00', '2026-11-23T05:46:00.000000+00:00', 'partial', '', '["1 subscription could not be read."]', '{"acts":1}');
INSERT INTO public.runs VALUES (3, 'report', '2026-11-23T05:15:00.000000+00:00', '2026-11-23T05:15:00.000000+00:00', 1, '', 'report-1', 'host process 7 1a2b3c4d', 1, '2026-11-23T05:15:00.000000+00:00', '2026-11-23T05:16:00.000000+00:00', 'held', 'Charges are not complete.', '["Charges are not complete."]', '{}');
INSERT INTO public.runs VALUES (4, 'watch', '2026-11-23T05:45:00.000000+00:00', '2026-11-23T05:45:00.000000+00:00', 1, '', 'watch-1', 'host process 7 1a2b3c4d', 1, '2026-11-23T05:45:00.000000+00:00', '2026-11-23T05:46:00.000000+00:00', 'failed', 'Azure is away.', '[]', '{}');
INSERT INTO public.runs VALUES (5, 'deliver', '2026-11-23T05:59:00.000000+00:00', '2026-11-23T05:57:00.000000+00:00', 3, '', '', '', 0, '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', 'missed', 'The clock jumped over it, or the machine slept.', '[]', '{}');
INSERT INTO public.runs VALUES (6, 'close', '2026-11-06T06:00:00.000000+00:00', '2026-11-06T06:00:00.000000+00:00', 1, '', '', '', 0, '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', 'skipped', 'A first start: it begins with its next slot.', '[]', '{}');
INSERT INTO public.runs VALUES (7, 'guard', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00', 1, 'event', 'guard-2', 'host process 7 1a2b3c4d', 1, '2026-11-23T06:00:00.000000+00:00', NULL, '', '', '[]', '{}');
INSERT INTO public.sightings VALUES ('janitor', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e1', '', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.sightings VALUES ('janitor', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e2', '', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.sightings VALUES ('janitor', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e3', '', '2026-11-23T06:00:00.000000+00:00', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.tellings VALUES ('told/1', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.tellings VALUES ('told/2', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.tellings VALUES ('told/3', '2026-11-23T06:00:00.000000+00:00');
INSERT INTO public.votes VALUES (1, 1, 'oid-1', 'Ada', 'ada@example.com', 'approve', '0000000000000000000000000000000000000000000000000000000000000001', 'unused', '2026-11-23T06:00:00.000000+00:00', '2026-11-30T06:00:00.000000+00:00', '');
INSERT INTO public.votes VALUES (2, 2, 'oid-2', 'Ada', 'ada@example.com', 'approve', '0000000000000000000000000000000000000000000000000000000000000002', 'unused', '2026-11-23T06:00:00.000000+00:00', '2026-11-30T06:00:00.000000+00:00', '');
INSERT INTO public.votes VALUES (3, 3, 'oid-3', 'Ada', 'ada@example.com', 'approve', '0000000000000000000000000000000000000000000000000000000000000003', 'unused', '2026-11-23T06:00:00.000000+00:00', '2026-11-30T06:00:00.000000+00:00', '');
SELECT pg_catalog.setval('public.attempts_number_seq', 3, true);
SELECT pg_catalog.setval('public.events_number_seq', 9, true);
SELECT pg_catalog.setval('public.findings_number_seq', 3, true);
SELECT pg_catalog.setval('public.intents_number_seq', 4, true);
SELECT pg_catalog.setval('public.letters_number_seq', 3, true);
SELECT pg_catalog.setval('public.recipients_number_seq', 3, true);
SELECT pg_catalog.setval('public.runs_number_seq', 7, true);
SELECT pg_catalog.setval('public.votes_number_seq', 3, true);
ALTER TABLE ONLY public.finops_schema
    ADD CONSTRAINT finops_schema_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (number);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (number);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (number);
ALTER TABLE ONLY public.events_seen
    ADD CONSTRAINT pk_events_seen PRIMARY KEY (id);
ALTER TABLE ONLY public.findings
    ADD CONSTRAINT pk_findings PRIMARY KEY (number);
ALTER TABLE ONLY public.intents
    ADD CONSTRAINT pk_intents PRIMARY KEY (number);
ALTER TABLE ONLY public.keepsakes
    ADD CONSTRAINT pk_keepsakes PRIMARY KEY (key);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT pk_leases PRIMARY KEY (name);
ALTER TABLE ONLY public.letters
    ADD CONSTRAINT pk_letters PRIMARY KEY (number);
ALTER TABLE ONLY public.recipients
    ADD CONSTRAINT pk_recipients PRIMARY KEY (number);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT pk_runs PRIMARY KEY (number);
ALTER TABLE ONLY public.sightings
    ADD CONSTRAINT pk_sightings PRIMARY KEY (what, resource, fingerprint);
ALTER TABLE ONLY public.tellings
    ADD CONSTRAINT pk_tellings PRIMARY KEY (key);
ALTER TABLE ONLY public.votes
    ADD CONSTRAINT pk_votes PRIMARY KEY (number);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT uq_audit_hash UNIQUE (hash);
ALTER TABLE ONLY public.letters
    ADD CONSTRAINT uq_letters_message_id UNIQUE (message_id);
ALTER TABLE ONLY public.recipients
    ADD CONSTRAINT uq_recipients_letter UNIQUE (letter, channel, address);
CREATE INDEX ix_attempts_letter ON public.attempts USING btree (letter);
CREATE INDEX ix_events_finding ON public.events USING btree (finding);
CREATE INDEX ix_events_seen_handled_at ON public.events_seen USING btree (handled_at);
CREATE INDEX ix_events_seen_seen_at ON public.events_seen USING btree (seen_at);
CREATE INDEX ix_findings_resource ON public.findings USING btree (resource);
CREATE INDEX ix_findings_status ON public.findings USING btree (status, amount, currency, risk, rule);
CREATE INDEX ix_intents_opened_at ON public.intents USING btree (opened_at);
CREATE INDEX ix_recipients_status ON public.recipients USING btree (status, due_at);
CREATE INDEX ix_runs_began_at ON public.runs USING btree (began_at);
CREATE INDEX ix_runs_job ON public.runs USING btree (job, slot);
CREATE UNIQUE INDEX uq_attempts_open ON public.attempts USING btree (letter, channel) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX uq_findings_alive ON public.findings USING btree (rule, resource) WHERE (alive IS TRUE);
CREATE UNIQUE INDEX uq_intents_open ON public.intents USING btree (workspace) WHERE (outcome IS NULL);
CREATE UNIQUE INDEX uq_runs_open ON public.runs USING btree (job) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX uq_runs_slot ON public.runs USING btree (job, slot) WHERE ((outcome)::text = ANY ((ARRAY[''::character varying, 'done'::character varying, 'partial'::character varying])::text[]));
CREATE UNIQUE INDEX uq_votes_standing ON public.votes USING btree (finding, oid, says) WHERE (ended = ''::text);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT fk_attempts_letter FOREIGN KEY (letter) REFERENCES public.letters(number);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT fk_audit_intent FOREIGN KEY (intent) REFERENCES public.intents(number);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT fk_events_finding FOREIGN KEY (finding) REFERENCES public.findings(number);
ALTER TABLE ONLY public.recipients
    ADD CONSTRAINT fk_recipients_letter FOREIGN KEY (letter) REFERENCES public.letters(number);
ALTER TABLE ONLY public.votes
    ADD CONSTRAINT fk_votes_finding FOREIGN KEY (finding) REFERENCES public.findings(number);
