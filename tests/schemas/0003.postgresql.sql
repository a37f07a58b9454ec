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
ALTER TABLE ONLY public.votes ALTER COLUMN number SET DEFAULT nextval('public.votes_number_seq'::regclass);
INSERT INTO public.attempts VALUES (1, 1, 'mail', 'smtp', '<1.1@x>', '[1]', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T07:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00', '', '2026-11-22T06:00:00.000000+00:00', 'sent', '250');
INSERT INTO public.attempts VALUES (2, 2, 'mail', 'smtp', '<2.1@x>', '[3]', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T07:00:00.000000+00:00', NULL, '', NULL, '', '');
INSERT INTO public.audit VALUES (1, '2026-11-22T06:00:00.000000+00:00', 'guard', 'will delete to make anew as spot', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', 'not spot', '{"before":{"n":1}}', 1, false, '0000000000000000000000000000000000000000000000000000000000000000', 'b12dae45b79438a873f0faf23c06543f8ff93b0dbb0c5475b9ed8ee82e0ef371');
INSERT INTO public.audit VALUES (2, '2026-11-22T06:00:00.000000+00:00', 'guard', 'done', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', 'read back', '{"seen":null}', 1, false, 'b12dae45b79438a873f0faf23c06543f8ff93b0dbb0c5475b9ed8ee82e0ef371', '81fb1e57801a9ec0a9a99e9eb52177b611482d0f4687d2a4c303bcac2c1ad60f');
INSERT INTO public.audit VALUES (3, '2026-11-22T06:00:00.000000+00:00', 'guard', 'will scale', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2', 'not spot', '{"before":{"n":2}}', 2, false, '81fb1e57801a9ec0a9a99e9eb52177b611482d0f4687d2a4c303bcac2c1ad60f', 'd1f5dc8b2123783595f1b296723c27c8d6f9edac72506572b778ca89565d3fc3');
INSERT INTO public.audit VALUES (4, '2026-11-22T06:00:00.000000+00:00', 'guard', 'failed', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2', 'read back', '{"seen":null}', 2, false, 'd1f5dc8b2123783595f1b296723c27c8d6f9edac72506572b778ca89565d3fc3', 'c3e9269a6101b17ca3a2dbc6ab5b473405aabde54fb00aaa23acc42c384a6b6e');
INSERT INTO public.audit VALUES (5, '2026-11-22T06:00:00.000000+00:00', 'guard', 'will tag', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c3', 'not spot', '{"before":{"n":3}}', 3, false, 'c3e9269a6101b17ca3a2dbc6ab5b473405aabde54fb00aaa23acc42c384a6b6e', 'df1a8c320c3355b206661c997c05ee965d29f1de496ad3becafa75817a453c26');
INSERT INTO public.audit VALUES (6, '2026-11-22T06:00:00.000000+00:00', 'guard', 'looked', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w', 'nothing to do', '{"lines":3}', NULL, false, 'df1a8c320c3355b206661c997c05ee965d29f1de496ad3becafa75817a453c26', 'b9c71798a4c1f0f5e1d46777493d31645121864b3953452333cafe5e660d9442');
INSERT INTO public.audit VALUES (7, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding found', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'Found.', '{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000001","evidence":{"facts":{"requestsLast14Days":{"value":0}}},"finding":1,"rule":"silent-endpoint"}', NULL, false, 'b9c71798a4c1f0f5e1d46777493d31645121864b3953452333cafe5e660d9442', 'a5f4c54f02254846210e8d068840c874f9f23876f7537e13ab769b5d117c43e4');
INSERT INTO public.audit VALUES (8, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding pending', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'Asked.', '{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}', NULL, false, 'a5f4c54f02254846210e8d068840c874f9f23876f7537e13ab769b5d117c43e4', '1b5a8464b0fb24d1aa149e76073a2840f23fb376907fcfcebfcd99f995c5d077');
INSERT INTO public.audit VALUES (9, '2026-11-22T06:00:00.000000+00:00', 'Ada', 'finding approved', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'Yes.', '{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}', NULL, false, '1b5a8464b0fb24d1aa149e76073a2840f23fb376907fcfcebfcd99f995c5d077', '50c05fe27627e8afad5c4f91576e9fa8bf7677c15ca2d8e4d992a60c5b891a4c');
INSERT INTO public.audit VALUES (10, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding confirmed', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', 'Over.', '{"after":"confirmed","before":"approved","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}', NULL, false, '50c05fe27627e8afad5c4f91576e9fa8bf7677c15ca2d8e4d992a60c5b891a4c', '66d2de4da982dbd6e70804d0a3291920542ad627447c54c09e2c2311b24ed6ff');
INSERT INTO public.audit VALUES (11, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding found', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'Found.', '{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000002","evidence":{"facts":{"requestsLast14Days":{"value":0}}},"finding":2,"rule":"silent-endpoint"}', NULL, false, '66d2de4da982dbd6e70804d0a3291920542ad627447c54c09e2c2311b24ed6ff', 'a34821bf6d3bbf1e42e229c4836c7de67015ff98af4c1298565ac65362f93617');
INSERT INTO public.audit VALUES (12, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding pending', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'Asked.', '{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}', NULL, false, 'a34821bf6d3bbf1e42e229c4836c7de67015ff98af4c1298565ac65362f93617', '4d328d849f2ab786b2c0edf7096885838111f9773ef7268a0e97fa2b91a56bc6');
INSERT INTO public.audit VALUES (13, '2026-11-22T06:00:00.000000+00:00', 'Ada', 'finding approved', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'Yes.', '{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}', NULL, false, '4d328d849f2ab786b2c0edf7096885838111f9773ef7268a0e97fa2b91a56bc6', 'b106b9bcb78681cc11fe82dbb07ff2aa04511b284afca3e847211c0d2eb8245e');
INSERT INTO public.audit VALUES (14, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding gone', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', 'Over.', '{"after":"gone","before":"approved","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}', NULL, false, 'b106b9bcb78681cc11fe82dbb07ff2aa04511b284afca3e847211c0d2eb8245e', '4efab26cd07318603d2db31b6e5b321320aa4e7895fda68efe0f8f01967b9fe3');
INSERT INTO public.audit VALUES (15, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding found', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'Found.', '{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000003","evidence":{"facts":{"requestsLast14Days":{"value":0}}},"finding":3,"rule":"silent-endpoint"}', NULL, false, '4efab26cd07318603d2db31b6e5b321320aa4e7895fda68efe0f8f01967b9fe3', '0bb57a38b138d7da46e726a2ec118fe2bc5302a41087e73b4dc66488a89b13d4');
INSERT INTO public.audit VALUES (16, '2026-11-22T06:00:00.000000+00:00', 'finops', 'finding pending', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'Asked.', '{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}', NULL, false, '0bb57a38b138d7da46e726a2ec118fe2bc5302a41087e73b4dc66488a89b13d4', 'db0be46c98b317cfea2ddd0f3872b6a879e9aadaea345bf828efac9087f4263a');
INSERT INTO public.audit VALUES (17, '2026-11-22T06:00:00.000000+00:00', 'Ada', 'finding approved', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', 'Yes.', '{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}', NULL, false, 'db0be46c98b317cfea2ddd0f3872b6a879e9aadaea345bf828efac9087f4263a', '25bb1e3a3ff52b00215124d94d82981a82a64803226d5c45fd2df696d3cac3d6');
INSERT INTO public.events VALUES (1, 1, '2026-11-22T06:00:00.000000+00:00', 'finops', '', 'found', 'Found.', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.events VALUES (2, 1, '2026-11-22T06:00:00.000000+00:00', 'finops', 'found', 'pending', 'Asked.', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.events VALUES (3, 1, '2026-11-22T06:00:00.000000+00:00', 'Ada', 'pending', 'approved', 'Yes.', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.events VALUES (4, 1, '2026-11-22T06:00:00.000000+00:00', 'finops', 'approved', 'confirmed', 'Over.', '0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.events VALUES (5, 2, '2026-11-22T06:00:00.000000+00:00', 'finops', '', 'found', 'Found.', '0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.events VALUES (6, 2, '2026-11-22T06:00:00.000000+00:00', 'finops', 'found', 'pending', 'Asked.', '0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.events VALUES (7, 2, '2026-11-22T06:00:00.000000+00:00', 'Ada', 'pending', 'approved', 'Yes.', '0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.events VALUES (8, 2, '2026-11-22T06:00:00.000000+00:00', 'finops', 'approved', 'gone', 'Over.', '0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.events VALUES (9, 3, '2026-11-22T06:00:00.000000+00:00', 'finops', '', 'found', 'Found.', '0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO public.events VALUES (10, 3, '2026-11-22T06:00:00.000000+00:00', 'finops', 'found', 'pending', 'Asked.', '0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO public.events VALUES (11, 3, '2026-11-22T06:00:00.000000+00:00', 'Ada', 'pending', 'approved', 'Yes.', '0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO public.findings VALUES (1, 'silent-endpoint', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1', '2026-01-01T00:00:00+00:00', 'f1', '0000000000000000000000000000000000000000000000000000000000000001', 'delete', 'Nobody calls it.', '{"facts":{"requestsLast14Days":{"value":0}}}', 'ada@example.com', 'low', '120.50', '118.25', 118250000, 'USD', '["d"]', '[]', 3, 'null', 'confirmed', false, 'Over.', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00', 1, 0, '2026-11-22T06:00:00.000000+00:00', NULL, NULL, '2026-11-29T06:00:00.000000+00:00', NULL, NULL, NULL, NULL, '', 4);
INSERT INTO public.findings VALUES (2, 'silent-endpoint', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e2', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2', '2026-01-01T00:00:00+00:00', 'f2', '0000000000000000000000000000000000000000000000000000000000000002', 'delete', 'Nobody calls it.', '{"facts":{"requestsLast14Days":{"value":0}}}', 'ada@example.com', 'low', '120.50', '118.25', 118250000, 'USD', '["d"]', '[]', 3, 'null', 'gone', false, 'Over.', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00', 1, 0, '2026-11-22T06:00:00.000000+00:00', NULL, NULL, '2026-11-29T06:00:00.000000+00:00', NULL, NULL, NULL, NULL, '', 4);
INSERT INTO public.findings VALUES (3, 'silent-endpoint', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e3', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3', '2026-01-01T00:00:00+00:00', 'f3', '0000000000000000000000000000000000000000000000000000000000000003', 'delete', 'Nobody calls it.', '{"facts":{"requestsLast14Days":{"value":0}}}', 'ada@example.com', 'low', '120.50', '118.25', 118250000, 'USD', '["d"]', '[]', 3, 'null', 'approved', true, 'Yes.', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00', 1, 0, '2026-11-22T06:00:00.000000+00:00', NULL, NULL, '2026-11-29T06:00:00.000000+00:00', NULL, NULL, NULL, NULL, '', 3);
INSERT INTO public.finops_schema VALUES ('0003');
INSERT INTO public.intents VALUES (1, 'run1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w1', 'g1', '2024-10-01', 'delete to make anew as spot', 'guard/spot', 'not spot', 'guard', 'policy guard/spot', '{"before":{"n":1}}', 'null', '12.50', '2026-11-22T06:00:00.000000+00:00', 'done', 'read back', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.intents VALUES (2, 'run1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w2', 'g1', '2024-10-01', 'scale', 'guard/spot', 'not spot', 'guard', 'policy guard/spot', '{"before":{"n":2}}', 'null', '12.50', '2026-11-22T06:00:00.000000+00:00', 'failed', 'read back', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.intents VALUES (3, 'run1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c3', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w3', 'g1', '2024-10-01', 'tag', 'guard/spot', 'not spot', 'guard', 'policy guard/spot', '{"before":{"n":3}}', 'null', '12.50', '2026-11-22T06:00:00.000000+00:00', NULL, NULL, NULL);
INSERT INTO public.keepsakes VALUES ('guard/owed/c1', '{"body":{"name":"c1","tags":{"Team":"Gr\u00fc\u00dfe"}}}', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.letters VALUES (1, '<1@x>', 'weekly', 'What it cost', '', '\x5375626a6563743a20780d0a0d0a4772c3bcc39f65', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.letters VALUES (2, '<2@x>', 'weekly', 'What it cost', '', '\x5375626a6563743a20780d0a0d0a4772c3bcc39f65', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.recipients VALUES (2, 1, 'teams', '', 'waiting', 0, false, '2026-11-22T06:00:00.000000+00:00', NULL, '');
INSERT INTO public.recipients VALUES (3, 2, 'mail', 'ada@example.com', 'waiting', 0, false, '2026-11-22T06:00:00.000000+00:00', NULL, '');
INSERT INTO public.recipients VALUES (4, 2, 'teams', '', 'waiting', 0, false, '2026-11-22T06:00:00.000000+00:00', NULL, '');
INSERT INTO public.recipients VALUES (1, 1, 'mail', 'ada@example.com', 'sent', 1, false, NULL, '2026-11-22T06:00:00.000000+00:00', '');
INSERT INTO public.sightings VALUES ('spot/dedicated', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/computes/c1', 'g1', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.tellings VALUES ('spot/notice/c1', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.votes VALUES (1, 1, 'oid-1', 'Ada', 'ada@example.com', 'approve', '0000000000000000000000000000000000000000000000000000000000000001', 'unused', '2026-11-22T06:00:00.000000+00:00', '2026-11-29T06:00:00.000000+00:00', 'used');
INSERT INTO public.votes VALUES (2, 2, 'oid-2', 'Ada', 'ada@example.com', 'approve', '0000000000000000000000000000000000000000000000000000000000000002', 'unused', '2026-11-22T06:00:00.000000+00:00', '2026-11-29T06:00:00.000000+00:00', 'used');
INSERT INTO public.votes VALUES (3, 3, 'oid-3', 'Ada', 'ada@example.com', 'approve', '0000000000000000000000000000000000000000000000000000000000000003', 'unused', '2026-11-22T06:00:00.000000+00:00', '2026-11-29T06:00:00.000000+00:00', '');
SELECT pg_catalog.setval('public.attempts_number_seq', 2, true);
SELECT pg_catalog.setval('public.events_number_seq', 11, true);
SELECT pg_catalog.setval('public.findings_number_seq', 3, true);
SELECT pg_catalog.setval('public.intents_number_seq', 3, true);
SELECT pg_catalog.setval('public.letters_number_seq', 2, true);
SELECT pg_catalog.setval('public.recipients_number_seq', 4, true);
SELECT pg_catalog.setval('public.votes_number_seq', 3, true);
ALTER TABLE ONLY public.finops_schema
    ADD CONSTRAINT finops_schema_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (number);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (number);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (number);
ALTER TABLE ONLY public.findings
    ADD CONSTRAINT pk_findings PRIMARY KEY (number);
ALTER TABLE ONLY public.intents
    ADD CONSTRAINT pk_intents PRIMARY KEY (number);
ALTER TABLE ONLY public.keepsakes
    ADD CONSTRAINT pk_keepsakes PRIMARY KEY (key);
ALTER TABLE ONLY public.letters
    ADD CONSTRAINT pk_letters PRIMARY KEY (number);
ALTER TABLE ONLY public.recipients
    ADD CONSTRAINT pk_recipients PRIMARY KEY (number);
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
CREATE INDEX ix_findings_resource ON public.findings USING btree (resource);
CREATE INDEX ix_findings_status ON public.findings USING btree (status, amount, currency, risk, rule);
CREATE INDEX ix_intents_opened_at ON public.intents USING btree (opened_at);
CREATE INDEX ix_recipients_status ON public.recipients USING btree (status, due_at);
CREATE UNIQUE INDEX uq_attempts_open ON public.attempts USING btree (letter, channel) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX uq_findings_alive ON public.findings USING btree (rule, resource) WHERE (alive IS TRUE);
CREATE UNIQUE INDEX uq_intents_open ON public.intents USING btree (workspace) WHERE (outcome IS NULL);
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
