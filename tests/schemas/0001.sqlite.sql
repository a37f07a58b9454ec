PRAGMA application_id = 1179209295;
BEGIN TRANSACTION;
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	what TEXT NOT NULL, 
	resource_id TEXT NOT NULL, 
	why TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	intent INTEGER, 
	keyed BOOLEAN NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (number), 
	CONSTRAINT fk_audit_intent FOREIGN KEY(intent) REFERENCES intents (number), 
	CONSTRAINT uq_audit_hash UNIQUE (hash)
);
INSERT INTO "audit" VALUES(1,'2026-11-22T06:00:00.000000+00:00','guard','will delete to make anew as spot','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1','not spot','{"before":{"n":1}}',1,0,'0000000000000000000000000000000000000000000000000000000000000000','b12dae45b79438a873f0faf23c06543f8ff93b0dbb0c5475b9ed8ee82e0ef371');
INSERT INTO "audit" VALUES(2,'2026-11-22T06:00:00.000000+00:00','guard','done','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1','read back','{"seen":null}',1,0,'b12dae45b79438a873f0faf23c06543f8ff93b0dbb0c5475b9ed8ee82e0ef371','81fb1e57801a9ec0a9a99e9eb52177b611482d0f4687d2a4c303bcac2c1ad60f');
INSERT INTO "audit" VALUES(3,'2026-11-22T06:00:00.000000+00:00','guard','will scale','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2','not spot','{"before":{"n":2}}',2,0,'81fb1e57801a9ec0a9a99e9eb52177b611482d0f4687d2a4c303bcac2c1ad60f','d1f5dc8b2123783595f1b296723c27c8d6f9edac72506572b778ca89565d3fc3');
INSERT INTO "audit" VALUES(4,'2026-11-22T06:00:00.000000+00:00','guard','failed','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2','read back','{"seen":null}',2,0,'d1f5dc8b2123783595f1b296723c27c8d6f9edac72506572b778ca89565d3fc3','c3e9269a6101b17ca3a2dbc6ab5b473405aabde54fb00aaa23acc42c384a6b6e');
INSERT INTO "audit" VALUES(5,'2026-11-22T06:00:00.000000+00:00','guard','will tag','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c3','not spot','{"before":{"n":3}}',3,0,'c3e9269a6101b17ca3a2dbc6ab5b473405aabde54fb00aaa23acc42c384a6b6e','df1a8c320c3355b206661c997c05ee965d29f1de496ad3becafa75817a453c26');
INSERT INTO "audit" VALUES(6,'2026-11-22T06:00:00.000000+00:00','guard','looked','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w','nothing to do','{"lines":3}',NULL,0,'df1a8c320c3355b206661c997c05ee965d29f1de496ad3becafa75817a453c26','b9c71798a4c1f0f5e1d46777493d31645121864b3953452333cafe5e660d9442');
CREATE TABLE finops_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT finops_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "finops_schema" VALUES('0001');
CREATE TABLE intents (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run VARCHAR(64) NOT NULL, 
	resource_id TEXT NOT NULL, 
	workspace TEXT NOT NULL, 
	generation TEXT, 
	api_version VARCHAR(40) NOT NULL, 
	action VARCHAR(200) NOT NULL, 
	rule VARCHAR(200) NOT NULL, 
	why TEXT NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	decision TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	afterwards TEXT NOT NULL, 
	saving VARCHAR(60) NOT NULL, 
	opened_at VARCHAR(32) NOT NULL, 
	outcome VARCHAR(40), 
	outcome_why TEXT, 
	closed_at VARCHAR(32)
);
INSERT INTO "intents" VALUES(1,'run1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c1','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w1','g1','2024-10-01','delete to make anew as spot','guard/spot','not spot','guard','policy guard/spot','{"before":{"n":1}}','null','12.50','2026-11-22T06:00:00.000000+00:00','done','read back','2026-11-22T06:00:00.000000+00:00');
INSERT INTO "intents" VALUES(2,'run1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c2','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w2','g1','2024-10-01','scale','guard/spot','not spot','guard','policy guard/spot','{"before":{"n":2}}','null','12.50','2026-11-22T06:00:00.000000+00:00','failed','read back','2026-11-22T06:00:00.000000+00:00');
INSERT INTO "intents" VALUES(3,'run1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c3','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w3','g1','2024-10-01','tag','guard/spot','not spot','guard','policy guard/spot','{"before":{"n":3}}','null','12.50','2026-11-22T06:00:00.000000+00:00',NULL,NULL,NULL);
CREATE TABLE keepsakes (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	kept_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_keepsakes PRIMARY KEY ("key")
);
INSERT INTO "keepsakes" VALUES('guard/owed/c1','{"body":{"name":"c1","tags":{"Team":"Gr\u00fc\u00dfe"}}}','2026-11-22T06:00:00.000000+00:00');
CREATE TABLE sightings (
	what VARCHAR(200) NOT NULL, 
	resource TEXT NOT NULL, 
	fingerprint VARCHAR(200) NOT NULL, 
	first_at VARCHAR(32) NOT NULL, 
	last_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_sightings PRIMARY KEY (what, resource, fingerprint)
);
INSERT INTO "sightings" VALUES('spot/dedicated','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/computes/c1','g1','2026-11-22T06:00:00.000000+00:00','2026-11-22T06:00:00.000000+00:00');
CREATE TABLE tellings (
	"key" TEXT NOT NULL, 
	told_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_tellings PRIMARY KEY ("key")
);
INSERT INTO "tellings" VALUES('spot/notice/c1','2026-11-22T06:00:00.000000+00:00');
CREATE INDEX ix_intents_opened_at ON intents (opened_at);
CREATE UNIQUE INDEX uq_intents_open ON intents (workspace) WHERE outcome IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('intents',3);
COMMIT;
