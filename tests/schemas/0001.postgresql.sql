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
ALTER TABLE ONLY public.intents ALTER COLUMN number SET DEFAULT nextval('public.intents_number_seq'::regclass);
INSERT INTO public.audit VALUES (1, '2026-11-22T06:00:00.000000+00:00', 'guard', 'will delete to make anew as spot', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', 'not spot', '{"before":{"n":1}}', 1, false, '0000000000000000000000000000000000000000000000000000000000000000', 'b12dae45b79438a873f0faf23c06543f8ff93b0dbb0c5475b9ed8ee82e0ef371');
INSERT INTO public.audit VALUES (2, '2026-11-22T06:00:00.000000+00:00', 'guard', 'done', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', 'read back', '{"seen":null}', 1, false, 'b12dae45b79438a873f0faf23c06543f8ff93b0dbb0c5475b9ed8ee82e0ef371', '81fb1e57801a9ec0a9a99e9eb52177b611482d0f4687d2a4c303bcac2c1ad60f');
INSERT INTO public.audit VALUES (3, '2026-11-22T06:00:00.000000+00:00', 'guard', 'will scale', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2', 'not spot', '{"before":{"n":2}}', 2, false, '81fb1e57801a9ec0a9a99e9eb52177b611482d0f4687d2a4c303bcac2c1ad60f', 'd1f5dc8b2123783595f1b296723c27c8d6f9edac72506572b778ca89565d3fc3');
INSERT INTO public.audit VALUES (4, '2026-11-22T06:00:00.000000+00:00', 'guard', 'failed', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2', 'read back', '{"seen":null}', 2, false, 'd1f5dc8b2123783595f1b296723c27c8d6f9edac72506572b778ca89565d3fc3', 'c3e9269a6101b17ca3a2dbc6ab5b473405aabde54fb00aaa23acc42c384a6b6e');
INSERT INTO public.audit VALUES (5, '2026-11-22T06:00:00.000000+00:00', 'guard', 'will tag', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c3', 'not spot', '{"before":{"n":3}}', 3, false, 'c3e9269a6101b17ca3a2dbc6ab5b473405aabde54fb00aaa23acc42c384a6b6e', 'df1a8c320c3355b206661c997c05ee965d29f1de496ad3becafa75817a453c26');
INSERT INTO public.audit VALUES (6, '2026-11-22T06:00:00.000000+00:00', 'guard', 'looked', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w', 'nothing to do', '{"lines":3}', NULL, false, 'df1a8c320c3355b206661c997c05ee965d29f1de496ad3becafa75817a453c26', 'b9c71798a4c1f0f5e1d46777493d31645121864b3953452333cafe5e660d9442');
INSERT INTO public.finops_schema VALUES ('0001');
INSERT INTO public.intents VALUES (1, 'run1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w1', 'g1', '2024-10-01', 'delete to make anew as spot', 'guard/spot', 'not spot', 'guard', 'policy guard/spot', '{"before":{"n":1}}', 'null', '12.50', '2026-11-22T06:00:00.000000+00:00', 'done', 'read back', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.intents VALUES (2, 'run1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w2', 'g1', '2024-10-01', 'scale', 'guard/spot', 'not spot', 'guard', 'policy guard/spot', '{"before":{"n":2}}', 'null', '12.50', '2026-11-22T06:00:00.000000+00:00', 'failed', 'read back', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.intents VALUES (3, 'run1', '/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c3', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w3', 'g1', '2024-10-01', 'tag', 'guard/spot', 'not spot', 'guard', 'policy guard/spot', '{"before":{"n":3}}', 'null', '12.50', '2026-11-22T06:00:00.000000+00:00', NULL, NULL, NULL);
INSERT INTO public.keepsakes VALUES ('guard/owed/c1', '{"body":{"name":"c1","tags":{"Team":"Gr\u00fc\u00dfe"}}}', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.sightings VALUES ('spot/dedicated', '/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/computes/c1', 'g1', '2026-11-22T06:00:00.000000+00:00', '2026-11-22T06:00:00.000000+00:00');
INSERT INTO public.tellings VALUES ('spot/notice/c1', '2026-11-22T06:00:00.000000+00:00');
SELECT pg_catalog.setval('public.intents_number_seq', 3, true);
ALTER TABLE ONLY public.finops_schema
    ADD CONSTRAINT finops_schema_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (number);
ALTER TABLE ONLY public.intents
    ADD CONSTRAINT pk_intents PRIMARY KEY (number);
ALTER TABLE ONLY public.keepsakes
    ADD CONSTRAINT pk_keepsakes PRIMARY KEY (key);
ALTER TABLE ONLY public.sightings
    ADD CONSTRAINT pk_sightings PRIMARY KEY (what, resource, fingerprint);
ALTER TABLE ONLY public.tellings
    ADD CONSTRAINT pk_tellings PRIMARY KEY (key);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT uq_audit_hash UNIQUE (hash);
CREATE INDEX ix_intents_opened_at ON public.intents USING btree (opened_at);
CREATE UNIQUE INDEX uq_intents_open ON public.intents USING btree (workspace) WHERE (outcome IS NULL);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT fk_audit_intent FOREIGN KEY (intent) REFERENCES public.intents(number);
