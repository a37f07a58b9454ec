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
INSERT INTO "audit" VALUES(7,'2026-11-22T06:00:00.000000+00:00','finops','finding found','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','Found.','{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000001","evidence":{"facts":{"requestsLast14Days":{"value":0}}},"finding":1,"rule":"silent-endpoint"}',NULL,0,'b9c71798a4c1f0f5e1d46777493d31645121864b3953452333cafe5e660d9442','a5f4c54f02254846210e8d068840c874f9f23876f7537e13ab769b5d117c43e4');
INSERT INTO "audit" VALUES(8,'2026-11-22T06:00:00.000000+00:00','finops','finding pending','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','Asked.','{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}',NULL,0,'a5f4c54f02254846210e8d068840c874f9f23876f7537e13ab769b5d117c43e4','1b5a8464b0fb24d1aa149e76073a2840f23fb376907fcfcebfcd99f995c5d077');
INSERT INTO "audit" VALUES(9,'2026-11-22T06:00:00.000000+00:00','Ada','finding approved','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','Yes.','{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}',NULL,0,'1b5a8464b0fb24d1aa149e76073a2840f23fb376907fcfcebfcd99f995c5d077','50c05fe27627e8afad5c4f91576e9fa8bf7677c15ca2d8e4d992a60c5b891a4c');
INSERT INTO "audit" VALUES(10,'2026-11-22T06:00:00.000000+00:00','finops','finding confirmed','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','Over.','{"after":"confirmed","before":"approved","digest":"0000000000000000000000000000000000000000000000000000000000000001","finding":1,"rule":"silent-endpoint"}',NULL,0,'50c05fe27627e8afad5c4f91576e9fa8bf7677c15ca2d8e4d992a60c5b891a4c','66d2de4da982dbd6e70804d0a3291920542ad627447c54c09e2c2311b24ed6ff');
INSERT INTO "audit" VALUES(11,'2026-11-22T06:00:00.000000+00:00','finops','finding found','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','Found.','{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000002","evidence":{"facts":{"requestsLast14Days":{"value":0}}},"finding":2,"rule":"silent-endpoint"}',NULL,0,'66d2de4da982dbd6e70804d0a3291920542ad627447c54c09e2c2311b24ed6ff','a34821bf6d3bbf1e42e229c4836c7de67015ff98af4c1298565ac65362f93617');
INSERT INTO "audit" VALUES(12,'2026-11-22T06:00:00.000000+00:00','finops','finding pending','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','Asked.','{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}',NULL,0,'a34821bf6d3bbf1e42e229c4836c7de67015ff98af4c1298565ac65362f93617','4d328d849f2ab786b2c0edf7096885838111f9773ef7268a0e97fa2b91a56bc6');
INSERT INTO "audit" VALUES(13,'2026-11-22T06:00:00.000000+00:00','Ada','finding approved','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','Yes.','{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}',NULL,0,'4d328d849f2ab786b2c0edf7096885838111f9773ef7268a0e97fa2b91a56bc6','b106b9bcb78681cc11fe82dbb07ff2aa04511b284afca3e847211c0d2eb8245e');
INSERT INTO "audit" VALUES(14,'2026-11-22T06:00:00.000000+00:00','finops','finding gone','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','Over.','{"after":"gone","before":"approved","digest":"0000000000000000000000000000000000000000000000000000000000000002","finding":2,"rule":"silent-endpoint"}',NULL,0,'b106b9bcb78681cc11fe82dbb07ff2aa04511b284afca3e847211c0d2eb8245e','4efab26cd07318603d2db31b6e5b321320aa4e7895fda68efe0f8f01967b9fe3');
INSERT INTO "audit" VALUES(15,'2026-11-22T06:00:00.000000+00:00','finops','finding found','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','Found.','{"action":"delete","after":"found","before":"","digest":"0000000000000000000000000000000000000000000000000000000000000003","evidence":{"facts":{"requestsLast14Days":{"value":0}}},"finding":3,"rule":"silent-endpoint"}',NULL,0,'4efab26cd07318603d2db31b6e5b321320aa4e7895fda68efe0f8f01967b9fe3','0bb57a38b138d7da46e726a2ec118fe2bc5302a41087e73b4dc66488a89b13d4');
INSERT INTO "audit" VALUES(16,'2026-11-22T06:00:00.000000+00:00','finops','finding pending','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','Asked.','{"after":"pending","before":"found","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}',NULL,0,'0bb57a38b138d7da46e726a2ec118fe2bc5302a41087e73b4dc66488a89b13d4','db0be46c98b317cfea2ddd0f3872b6a879e9aadaea345bf828efac9087f4263a');
INSERT INTO "audit" VALUES(17,'2026-11-22T06:00:00.000000+00:00','Ada','finding approved','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','Yes.','{"after":"approved","before":"pending","digest":"0000000000000000000000000000000000000000000000000000000000000003","finding":3,"rule":"silent-endpoint"}',NULL,0,'db0be46c98b317cfea2ddd0f3872b6a879e9aadaea345bf828efac9087f4263a','25bb1e3a3ff52b00215124d94d82981a82a64803226d5c45fd2df696d3cac3d6');
CREATE TABLE events (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	finding INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	"before" VARCHAR(20) NOT NULL, 
	"after" VARCHAR(20) NOT NULL, 
	why TEXT NOT NULL, 
	digest VARCHAR(200) NOT NULL, 
	CONSTRAINT fk_events_finding FOREIGN KEY(finding) REFERENCES findings (number)
);
INSERT INTO "events" VALUES(1,1,'2026-11-22T06:00:00.000000+00:00','finops','','found','Found.','0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "events" VALUES(2,1,'2026-11-22T06:00:00.000000+00:00','finops','found','pending','Asked.','0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "events" VALUES(3,1,'2026-11-22T06:00:00.000000+00:00','Ada','pending','approved','Yes.','0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "events" VALUES(4,1,'2026-11-22T06:00:00.000000+00:00','finops','approved','confirmed','Over.','0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "events" VALUES(5,2,'2026-11-22T06:00:00.000000+00:00','finops','','found','Found.','0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "events" VALUES(6,2,'2026-11-22T06:00:00.000000+00:00','finops','found','pending','Asked.','0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "events" VALUES(7,2,'2026-11-22T06:00:00.000000+00:00','Ada','pending','approved','Yes.','0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "events" VALUES(8,2,'2026-11-22T06:00:00.000000+00:00','finops','approved','gone','Over.','0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "events" VALUES(9,3,'2026-11-22T06:00:00.000000+00:00','finops','','found','Found.','0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO "events" VALUES(10,3,'2026-11-22T06:00:00.000000+00:00','finops','found','pending','Asked.','0000000000000000000000000000000000000000000000000000000000000003');
INSERT INTO "events" VALUES(11,3,'2026-11-22T06:00:00.000000+00:00','Ada','pending','approved','Yes.','0000000000000000000000000000000000000000000000000000000000000003');
CREATE TABLE findings (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	rule VARCHAR(200) NOT NULL, 
	resource TEXT NOT NULL, 
	resource_id TEXT NOT NULL, 
	generation TEXT NOT NULL, 
	fingerprint VARCHAR(200) NOT NULL, 
	digest VARCHAR(200) NOT NULL, 
	action VARCHAR(200) NOT NULL, 
	why TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	risk VARCHAR(20) NOT NULL, 
	monthly_cost VARCHAR(60) NOT NULL, 
	saving VARCHAR(60) NOT NULL, 
	amount BIGINT, 
	currency VARCHAR(10) NOT NULL, 
	dependents TEXT NOT NULL, 
	not_checked TEXT NOT NULL, 
	grace_days INTEGER NOT NULL, 
	quiet TEXT NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	alive BOOLEAN NOT NULL, 
	note TEXT NOT NULL, 
	first_at VARCHAR(32) NOT NULL, 
	last_at VARCHAR(32) NOT NULL, 
	changed_at VARCHAR(32) NOT NULL, 
	runs INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	asked_at VARCHAR(32), 
	due_at VARCHAR(32), 
	expires_at VARCHAR(32), 
	approved_until VARCHAR(32), 
	snoozed_until VARCHAR(32), 
	quiet_until VARCHAR(32), 
	restorable_until VARCHAR(32), 
	tombstone TEXT, 
	requester VARCHAR(200) NOT NULL, 
	version INTEGER NOT NULL
);
INSERT INTO "findings" VALUES(1,'silent-endpoint','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e1','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e1','2026-01-01T00:00:00+00:00','f1','0000000000000000000000000000000000000000000000000000000000000001','delete','Nobody calls it.','{"facts":{"requestsLast14Days":{"value":0}}}','ada@example.com','low','120.50','118.25',118250000,'USD','["d"]','[]',3,'null','confirmed',0,'Over.','2026-11-22T06:00:00.000000+00:00','2026-11-22T06:00:00.000000+00:00','2026-11-22T06:00:00.000000+00:00',1,0,'2026-11-22T06:00:00.000000+00:00',NULL,NULL,'2026-11-29T06:00:00.000000+00:00',NULL,NULL,NULL,NULL,'',4);
INSERT INTO "findings" VALUES(2,'silent-endpoint','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e2','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e2','2026-01-01T00:00:00+00:00','f2','0000000000000000000000000000000000000000000000000000000000000002','delete','Nobody calls it.','{"facts":{"requestsLast14Days":{"value":0}}}','ada@example.com','low','120.50','118.25',118250000,'USD','["d"]','[]',3,'null','gone',0,'Over.','2026-11-22T06:00:00.000000+00:00','2026-11-22T06:00:00.000000+00:00','2026-11-22T06:00:00.000000+00:00',1,0,'2026-11-22T06:00:00.000000+00:00',NULL,NULL,'2026-11-29T06:00:00.000000+00:00',NULL,NULL,NULL,NULL,'',4);
INSERT INTO "findings" VALUES(3,'silent-endpoint','/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/onlineendpoints/e3','/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e3','2026-01-01T00:00:00+00:00','f3','0000000000000000000000000000000000000000000000000000000000000003','delete','Nobody calls it.','{"facts":{"requestsLast14Days":{"value":0}}}','ada@example.com','low','120.50','118.25',118250000,'USD','["d"]','[]',3,'null','approved',1,'Yes.','2026-11-22T06:00:00.000000+00:00','2026-11-22T06:00:00.000000+00:00','2026-11-22T06:00:00.000000+00:00',1,0,'2026-11-22T06:00:00.000000+00:00',NULL,NULL,'2026-11-29T06:00:00.000000+00:00',NULL,NULL,NULL,NULL,'',3);
CREATE TABLE finops_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT finops_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "finops_schema" VALUES('0002');
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
CREATE TABLE votes (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	finding INTEGER NOT NULL, 
	oid VARCHAR(200) NOT NULL, 
	name TEXT NOT NULL, 
	email TEXT NOT NULL, 
	says VARCHAR(20) NOT NULL, 
	digest VARCHAR(200) NOT NULL, 
	why TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	until VARCHAR(32) NOT NULL, 
	ended TEXT NOT NULL, 
	CONSTRAINT fk_votes_finding FOREIGN KEY(finding) REFERENCES findings (number)
);
INSERT INTO "votes" VALUES(1,1,'oid-1','Ada','ada@example.com','approve','0000000000000000000000000000000000000000000000000000000000000001','unused','2026-11-22T06:00:00.000000+00:00','2026-11-29T06:00:00.000000+00:00','used');
INSERT INTO "votes" VALUES(2,2,'oid-2','Ada','ada@example.com','approve','0000000000000000000000000000000000000000000000000000000000000002','unused','2026-11-22T06:00:00.000000+00:00','2026-11-29T06:00:00.000000+00:00','used');
INSERT INTO "votes" VALUES(3,3,'oid-3','Ada','ada@example.com','approve','0000000000000000000000000000000000000000000000000000000000000003','unused','2026-11-22T06:00:00.000000+00:00','2026-11-29T06:00:00.000000+00:00','');
CREATE INDEX ix_intents_opened_at ON intents (opened_at);
CREATE UNIQUE INDEX uq_intents_open ON intents (workspace) WHERE outcome IS NULL;
CREATE UNIQUE INDEX uq_findings_alive ON findings (rule, resource) WHERE alive IS 1;
CREATE INDEX ix_findings_resource ON findings (resource);
CREATE INDEX ix_findings_status ON findings (status, amount, currency, risk, rule);
CREATE UNIQUE INDEX uq_votes_standing ON votes (finding, oid, says) WHERE ended = '';
CREATE INDEX ix_events_finding ON events (finding);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('intents',3);
INSERT INTO "sqlite_sequence" VALUES('findings',3);
INSERT INTO "sqlite_sequence" VALUES('events',11);
INSERT INTO "sqlite_sequence" VALUES('votes',3);
COMMIT;
