/*
 * writer_sql.c: every statement of the writer, prepared once.
 */
#include "writer_private.h"

#define ROOT_RANGE " AND key >= ?2 AND key < ?3"
/* ROWS_MANY of them.  OR FAIL: rows before the one that fails stay, so SQLite need
 * not keep what such a statement changed before. */
#define FOUR(row)  row "," row "," row "," row
#define MANY(row)  FOUR(row) "," FOUR(row) "," FOUR(row) "," FOUR(row)

const char *const writer_sql[W_COUNT] = {
	[W_BEGIN] = "BEGIN IMMEDIATE",
	[W_COMMIT] = "COMMIT",
	[W_ROLLBACK] = "ROLLBACK",

	[W_STREAMS] =
		"SELECT id, node, generation, base, cursor, digest, rows, role,"
		" host, holder, photos, copies, bytes FROM stream ORDER BY id",
	[W_STREAM_SAVE] =
		"INSERT OR REPLACE INTO stream(id, node, generation, base,"
		" cursor, digest, rows, role, host, holder, photos, copies,"
		" bytes) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)",
	[W_STREAM_CUT] = "DELETE FROM stream WHERE id = ?1",

	[W_RECORD_GET] =
		"SELECT seq, dead, value FROM record"
		" WHERE stream = ?1 AND kind = ?2 AND key = ?3",
	[W_RECORD_PUT] =
		"INSERT INTO record(stream, seq, kind, key, dead, value)"
		" VALUES(?1,?2,?3,?4,?5,?6)",
	[W_RECORD_NEW] =
		"INSERT INTO record(stream, seq, kind, key, dead, value)"
		" VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING",
	[W_RECORD_MANY] =
		"INSERT OR FAIL INTO record(stream, seq, kind, key, dead,"
		" value) VALUES" MANY("(?,?,?,?,?,?)"),
	[W_RECORD_CUT] =
		"DELETE FROM record WHERE stream = ?1 AND seq = ?2"
		" AND kind = ?3 AND key = ?4",
	[W_RECORDS_FROM] =
		"SELECT seq, kind, dead, key, value FROM record"
		" WHERE stream = ?1 AND seq > ?2 ORDER BY seq",
	[W_RECORDS_CUT] = "DELETE FROM record WHERE stream = ?1",
	[W_RECORDS_CUT_TO] =
		"DELETE FROM record WHERE stream = ?1 AND seq <= ?2",
	[W_RECORDS_CUT_DEAD] =
		"DELETE FROM record WHERE stream = ?1 AND dead = 1",
	[W_RECORD_MOVE] =
		"UPDATE record SET seq = ?5 WHERE stream = ?1 AND seq = ?2"
		" AND kind = ?3 AND key = ?4",
	[W_RECORD_RESAY] =
		"UPDATE record SET value = ?4 WHERE stream = ?1 AND kind = ?2"
		" AND key = ?3",
	[W_RECORDS_COPY] =
		"INSERT INTO record(stream, seq, kind, key, dead, value)"
		" SELECT ?1, row_number() OVER (ORDER BY seq), kind, key, 0,"
		" value FROM record WHERE stream = ?2 AND dead = 0",

	[W_BEHIND] =
		"SELECT key, value, seq FROM record WHERE stream = ?1"
		" AND seq > ?2 AND kind = 3 AND dead = 0 ORDER BY seq",
	[W_BEHIND_AT] =
		"SELECT key, value FROM record WHERE stream = ?1 AND seq = ?2"
		" AND kind = 3 AND dead = 0",

	[W_ROOT_COPIES] =
		"SELECT key, value FROM record WHERE stream = ?1 AND kind = 3"
		ROOT_RANGE " AND dead = 0",
	[W_ROOT_COUNT] =
		"SELECT count(*) FROM record WHERE stream = ?1 AND kind = 3"
		ROOT_RANGE " AND dead = 0",
	[W_ROOT_NEXT] =
		"SELECT key FROM record WHERE stream = ?1 AND kind = 3"
		ROOT_RANGE " AND dead = 0 ORDER BY key LIMIT 1",
	[W_ROOTS] =
		"SELECT key, value FROM record WHERE stream = ?1 AND kind = 2"
		" AND key > ?2 AND dead = 0 ORDER BY key LIMIT 1",

	[W_ROOT_FACTS] =
		"SELECT key, seq, dead, value FROM record"
		" WHERE stream = ?1 AND kind = 2",

	[W_COPY_ANY] =
		"SELECT 1 FROM copy WHERE photo = ?1 AND stream = ?2 LIMIT 1",
	[W_COPY_HAS] =
		"SELECT 1 FROM copy WHERE photo = ?1 AND stream = ?2"
		" AND key = ?3",
	[W_COPY_PUT] =
		"INSERT OR REPLACE INTO copy(photo, stream, key, mtime, added,"
		" file, type, leaving) VALUES(?1,?2,?3,?4,?5,?6,?7,0)",
	[W_COPY_MANY] =
		"INSERT OR FAIL INTO copy(photo, stream, key, mtime, added,"
		" file, type, leaving) VALUES" MANY("(?,?,?,?,?,?,?,0)"),
	[W_COPY_CUT] =
		"DELETE FROM copy WHERE photo = ?1 AND stream = ?2"
		" AND key = ?3",
	[W_COPY_LEAVE] =
		"UPDATE copy SET leaving = 1 WHERE photo = ?1 AND stream = ?2"
		" AND key = ?3",
	[W_LEAVING] =
		"SELECT photo, key FROM copy WHERE leaving = 1 AND stream = ?1"
		ROOT_RANGE " LIMIT 1",
	[W_COPIES] =
		"SELECT stream, key, mtime, added, file, type FROM copy"
		" WHERE photo = ?1",
	[W_COPIED] =
		"SELECT photo, stream, key, mtime, added, file, type FROM copy"
		" ORDER BY photo",
	[W_COPY_FIRST] = "SELECT 1 FROM copy LIMIT 1",
	[W_ADDED_IN_ROOT] =
		"SELECT min(added) FROM (SELECT added FROM copy"
		" WHERE photo = ?1 AND stream = ?4" ROOT_RANGE " LIMIT ?5)",

	[W_ABOUT_PUT] = "INSERT OR IGNORE INTO about VALUES(?1,?2)",
	[W_ABOUT_CUT] = "DELETE FROM about WHERE photo = ?1 AND stream = ?2",
	[W_ABOUT] =
		"SELECT a.stream, m.value FROM about AS a CROSS JOIN record AS m"
		" WHERE a.photo = ?1 AND m.stream = a.stream AND m.kind = 6"
		" AND m.key = ?1 AND m.dead = 0",
	[W_ABOUT_FIRST] = "SELECT 1 FROM about LIMIT 1",
	[W_METAS] =
		"SELECT key FROM record INDEXED BY record_key"
		" WHERE stream = ?1 AND kind = 6 AND dead = 0",

	[W_PHOTO_GET] =
		"SELECT mtime, name, added, copies, type, sort_time, dated,"
		" zone, width, height, decoder, about FROM photo WHERE id = ?1",
	[W_PHOTO_PUT] =
		"INSERT INTO photo(id, mtime, name, size, added, copies, type,"
		" sort_time, dated, zone, width, height, decoder, about)"
		" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
	[W_PHOTO_MANY] =
		"INSERT OR FAIL INTO photo(id, mtime, name, size, added,"
		" copies, type, sort_time, dated, zone, width, height,"
		" decoder, about)"
		" VALUES" MANY("(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
	[W_PHOTO_SET] =
		"UPDATE photo SET mtime = ?2, name = ?3, added = ?5,"
		" copies = ?6, type = ?7, sort_time = ?8, dated = ?9,"
		" zone = ?10, width = ?11, height = ?12, decoder = ?13,"
		" about = ?14 WHERE id = ?1",
	[W_PHOTO_COPIES] = "UPDATE photo SET copies = ?2 WHERE id = ?1",
	[W_PHOTO_CUT] = "DELETE FROM photo WHERE id = ?1",

	[W_TOTALS] =
		"SELECT photos, copies, bytes, unique_bytes, told FROM totals",
	[W_TOTALS_SAVE] =
		"UPDATE totals SET photos = ?1, copies = ?2, bytes = ?3,"
		" unique_bytes = ?4, told = ?5",

	[W_KNOWN_GET] =
		"SELECT id, verdict, size, inode, mtime, ctime FROM known"
		" WHERE key = ?1",
	[W_KNOWN_PUT] =
		"INSERT INTO known(key, verdict, size, inode, mtime, ctime)"
		" VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(key) DO NOTHING",
	[W_KNOWN_MANY] =
		"INSERT OR FAIL INTO known(key, verdict, size, inode, mtime,"
		" ctime) VALUES" MANY("(?,?,?,?,?,?)"),
	[W_KNOWN_SET] =
		"UPDATE known SET verdict = ?2, size = ?3, inode = ?4,"
		" mtime = ?5, ctime = ?6 WHERE id = ?1",
	[W_KNOWN_VERDICT] = "UPDATE known SET verdict = ?2 WHERE id = ?1",
	[W_KNOWN_CUT] = "DELETE FROM known WHERE id = ?1",

	[W_HIDDEN] = "SELECT stream, root FROM hidden",
	[W_HIDDEN_PUT] = "INSERT OR IGNORE INTO hidden VALUES(?1,?2)",
	[W_HIDDEN_CUT] = "DELETE FROM hidden WHERE stream = ?1 AND root = ?2",
	[W_HIDDEN_CUT_STREAM] = "DELETE FROM hidden WHERE stream = ?1",

	[W_NODES] =
		"SELECT id, name, host, port, addresses, heard, departed"
		" FROM node ORDER BY heard DESC",
	[W_NODE_PUT] =
		"INSERT OR REPLACE INTO node(id, name, host, port, addresses,"
		" heard, departed) VALUES(?1,?2,?3,?4,?5,?6,?7)",
	[W_NODE_CUT] = "DELETE FROM node WHERE id = ?1",
	[W_NODES_TRIM] =
		"DELETE FROM node WHERE id IN (SELECT id FROM node"
		" ORDER BY heard DESC LIMIT -1 OFFSET ?1)",
	[W_FORGOTTEN] =
		"SELECT key, value FROM record INDEXED BY record_key"
		" WHERE stream = ?1 AND kind = 5 AND dead = 0 LIMIT ?2",
	[W_FORGOTTEN_COUNT] =
		"SELECT count(*) FROM record INDEXED BY record_key"
		" WHERE stream = ?1 AND kind = 5",
	[W_INDEX] = "SELECT 1 FROM sqlite_schema WHERE name = ?1",
	[W_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[W_META_CUT] = "DELETE FROM meta WHERE key = ?1",
	[W_META_PUT] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?1,?2)",
};
